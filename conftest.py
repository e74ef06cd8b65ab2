"""For all tests: one thread each, since they run beside one another and torch's threads spin while they wait."""

import torch

torch.set_num_threads(1)
