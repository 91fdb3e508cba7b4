"""The course's run in PyTorch, step by step (eager), with the gradients that PyTorch derives. Prints the seconds."""

import time

import torch

from course_data import circles

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
x, y = map(torch.tensor, circles())
layers = [torch.nn.Linear(2, 10), torch.nn.ReLU(), torch.nn.Linear(10, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)]
model = torch.nn.Sequential(*layers)
loss = torch.nn.BCEWithLogitsLoss()
descent = torch.optim.SGD(model.parameters(), lr=0.01)

start = time.perf_counter()
for _ in range(15000):
    descent.zero_grad()
    loss(model(x), y).backward()
    descent.step()
print(time.perf_counter() - start)
