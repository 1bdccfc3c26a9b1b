"""What a system can promise of time, for those who show it or hold a run against it."""

from __future__ import annotations

from questv.admission.analysis import Analysis, analyse
from questv.admission.costs import Costs
from questv.system.description import Description
from questv.system.draft import Draft
from questv.system.workload import COSTS, workload


def promises(description: Description, costs: Costs = COSTS) -> Analysis:
    """The bounds of all its tasks and chains, on a machine on which the kernel has these costs."""
    functions = {
        bound.task.run: bound.signature for tasks in description.tasks.values() for bound in tasks
    }
    draft = Draft(description.system, description.document, functions)
    return analyse(workload(draft, costs), costs)
