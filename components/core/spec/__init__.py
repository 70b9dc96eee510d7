"""The model spec and how it is read."""

from components.core.spec.base import SpecModel as SpecModel
from components.core.spec.base import column_of as column_of
from components.core.spec.data import Derive as Derive
from components.core.spec.data import External as External
from components.core.spec.data import Feature as Feature
from components.core.spec.data import FeatureKind as FeatureKind
from components.core.spec.data import Label as Label
from components.core.spec.data import Primary as Primary
from components.core.spec.data import ValueRule as ValueRule
from components.core.spec.data import parse_rule as parse_rule
from components.core.spec.load import load_folder as load_folder
from components.core.spec.load import load_spec as load_spec
from components.core.spec.load import spec_json_schema as spec_json_schema
from components.core.spec.operation import Canary as Canary
from components.core.spec.operation import Monitoring as Monitoring
from components.core.spec.operation import RetrainingPolicy as RetrainingPolicy
from components.core.spec.spec import Spec as Spec
from components.core.spec.training import Gates as Gates
from components.core.spec.training import History as History
from components.core.spec.training import Margin as Margin
from components.core.spec.training import Network as Network
from components.core.spec.training import Slice as Slice
from components.core.spec.training import Split as Split
from components.core.spec.training import window_spans as window_spans
