"""Which columns are read of each source, and what they are to hold."""

from collections.abc import Iterable, Mapping

from components.core.plan import Plan
from components.core.spec import FeatureKind, Spec, ValueRule, parse_rule

Wanted = Mapping[str, FeatureKind | None]
"""Column to what it is to hold; None: what its own type says."""


def wanted_of_primary(plan: Plan) -> Wanted:
    """The columns of the table of examples: key, time, label, joins, features and rules."""
    spec = plan.spec
    joins = (column for source in spec.data.external.values() for column in source.on)
    plain = (*spec.data.primary.key, *joins, spec.label.column)
    kinds = {spec.data.primary.event_time: FeatureKind.TIMESTAMP}
    return _merged(plain, rules_of(spec, None), {**kinds, **_features(plan, None)})


def wanted_of_external(plan: Plan, name: str) -> Wanted:
    """The columns of one outside source: its join keys, time, features and rules."""
    source = plan.spec.data.external[name]
    kinds = {} if source.event_time is None else {source.event_time: FeatureKind.TIMESTAMP}
    return _merged(source.on, rules_of(plan.spec, name), {**kinds, **_features(plan, name)})


def rules_of(spec: Spec, table: str | None) -> tuple[ValueRule, ...]:
    """The rules on the columns of one source, in the spec's order; None: the primary table."""
    rules = (parse_rule(rule.refuse_value) for rule in spec.rules)
    return tuple(rule for rule in rules if rule.table == table)


def series_column(rule: ValueRule) -> str | None:
    """The column, of the rule's own table, that separates one series from another."""
    return rule.by.rpartition(".")[2] if rule.by else None


def _features(plan: Plan, table: str | None) -> dict[str, FeatureKind | None]:
    parts = [(c.source.rpartition("."), FeatureKind(c.kind)) for c in plan.columns]
    return {name: kind for (source, _, name), kind in parts if source == (table or "")}


def _merged(plain: Iterable[str], rules: Iterable[ValueRule], kinds: Wanted) -> Wanted:
    rules = tuple(rules)
    series = (column for rule in rules if (column := series_column(rule)))
    wanted: dict[str, FeatureKind | None] = dict.fromkeys((*plain, *series), None)
    return {**wanted, **dict.fromkeys((r.column for r in rules), FeatureKind.NUMBER), **kinds}
