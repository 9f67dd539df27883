"""An exercise as one value, the catalogue of all, and how they are built from their solutions.

    catalogue.py ─▶ exercise.py        build.py ─▶ released.py

Imported before all else that imports nbformat, without the grammar that its validator would build at every start:
jsonschema checks the format "iri" if ``rfc3987_syntax`` is there, which JupyterLab brings along and which builds its
parsers when it is imported, three seconds in each process of the grader. The schema of notebooks has no such format.
"""

import sys
from types import ModuleType
from typing import cast

_GRAMMAR = "rfc3987_syntax"

_absent = _GRAMMAR not in sys.modules
if _absent:
    sys.modules[_GRAMMAR] = cast(ModuleType, None)  # to import it fails, which jsonschema is prepared for
import nbformat.validator  # noqa: E402, F401

if _absent:
    del sys.modules[_GRAMMAR]
