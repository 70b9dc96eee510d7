"""Where the factories of these tests are found, and a plain one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from evaluate_factories import EvaluationFactory


@pytest.fixture
def factory(tmp_path):
    return EvaluationFactory(tmp_path)
