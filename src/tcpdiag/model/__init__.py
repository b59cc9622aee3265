"""The nouns of the project: column schemas, enums and frozen dataclasses. No behaviour beyond reading them."""
