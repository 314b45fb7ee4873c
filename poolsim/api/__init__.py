"""poolsim from Python and in notebooks: `poolsim.load(...)`, `.run()`, `.sweep()`, `.recommend()`.

Objects here hold results and show themselves: pandas frames, tables in HTML, matplotlib figures.
What they compute is the same as the commands', for the same seed bit by bit.
"""

from poolsim.api.figures import show_figures
from poolsim.api.loaded import LoadedScenario, load

show_figures()

__all__ = ["LoadedScenario", "load"]
