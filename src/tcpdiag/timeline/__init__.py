"""What happened, in order of time: one flow segment by segment, or the notable events of a whole capture."""

from .moment import Fold, Moment, Verdict
from .of_capture import notable
from .of_flow import timeline

__all__ = ["Fold", "Moment", "Verdict", "notable", "timeline"]
