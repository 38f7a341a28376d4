from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.doctor.kiosk import built


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    return built(tmp_path)
