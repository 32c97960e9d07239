"""How numpy's matrix products run; settle it before anything imports numpy.

OpenBLAS reads its environment once, while numpy is imported:

- `OPENBLAS_CORETYPE` names the processor whose code it runs. Where it is set for an older one
  (`Haswell`, say) newer processors run at half speed, so it is taken away: OpenBLAS then looks
  for itself, and it looks well.
- `OPENBLAS_NUM_THREADS` is one, since the exact engine shares the work between threads of its
  own. OpenBLAS's threads wait for one another awake: on a busy machine a product of a few
  microseconds then takes milliseconds.
"""

import os
import sys
from collections.abc import MutableMapping

THREADS = "OPENBLAS_NUM_THREADS"
CORE = "OPENBLAS_CORETYPE"


def settle_blas(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Set the environment for numpy; false where numpy is there already and it came too late.

    >>> settings = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "64"}
    >>> _ = settle_blas(settings)
    >>> settings
    {'OPENBLAS_NUM_THREADS': '1'}
    """
    environment.pop(CORE, None)
    environment[THREADS] = "1"
    return "numpy" not in sys.modules
