"""The course's training data, for the programs beside this one."""

from pathlib import Path

import numpy as np

CIRCLES = Path(__file__).parent.parent / "src/study/data/circles_train.csv"


def circles() -> tuple[np.ndarray, np.ndarray]:
    """The 300 samples: x of shape (300, 2) and the labels y of shape (300, 1)."""
    rows = np.loadtxt(CIRCLES, delimiter=",", skiprows=1)
    return rows[:, :2].copy(), rows[:, 2:].copy()
