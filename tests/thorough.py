"""What a newcomer's `make test` leaves to CI, to stay short; `ALL=1 make test` runs it too."""

import os

import pytest

ALL = "ZERO_INIT_CI" in os.environ or "ALL" in os.environ

thorough = pytest.mark.skipif(not ALL, reason="left to CI; ALL=1 make test runs it")
