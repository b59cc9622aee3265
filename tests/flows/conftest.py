"""Every test of the tracker runs with the compiled kernels and with their uncompiled text."""

import pytest


@pytest.fixture(autouse=True, params=["native", "python"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCPDIAG_KERNELS", request.param)
