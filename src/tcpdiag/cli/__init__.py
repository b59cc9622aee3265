"""The command: thin skins over the library, one file per command. No logic here."""
