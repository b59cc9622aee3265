"""The capture whose names and addresses must not be left."""

from pathlib import Path

import pytest

from redaction.searching import FOLDER, secret_capture


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return secret_capture(tmp_path_factory.mktemp(FOLDER))
