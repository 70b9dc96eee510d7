"""Traffic: how many requests a version answered, how many failed, and how long they took."""

from bisect import bisect_left

from components.core.artifacts import LATENCY_BOUNDS_MS, Record


class Traffic(Record):
    """What a version answered, counted since its counter began.

    Attributes:
        requests: Predictions asked of it.
        errors: Those that it failed: no connection, no answer in time, or a status of 500 and up.
        refused: Those that it answered with a status of 400 to 499.
        latency: Requests by latency: one count for each of `LATENCY_BOUNDS_MS`, one for all above.
    """

    requests: int = 0
    errors: int = 0
    refused: int = 0
    latency: tuple[int, ...] = ()

    @property
    def p50_ms(self) -> float | None:
        """Median latency in ms; None without requests."""
        return self.quantile_ms(0.5)

    @property
    def p99_ms(self) -> float | None:
        """The latency in ms that 99% of the requests stay below; None without requests."""
        return self.quantile_ms(0.99)

    @property
    def error_share(self) -> float:
        """Errors per request; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def refused_share(self) -> float:
        """Refused requests per request; 0 without requests."""
        return self.refused / self.requests if self.requests else 0.0

    def since(self, before: "Traffic") -> "Traffic":
        """What came after an earlier reading; a counter that began anew counts whole."""
        if not before.latency:
            return self
        if len(before.latency) != len(self.latency) or before.requests > self.requests:
            return self
        pairs = zip(self.latency, before.latency, strict=True)
        return Traffic(
            requests=self.requests - before.requests,
            errors=self.errors - before.errors,
            refused=self.refused - before.refused,
            latency=tuple(now - then for now, then in pairs),
        )

    def quantile_ms(self, share: float) -> float | None:
        """A quantile of the latency in ms, linear within its bucket; None without requests."""
        total, seen = sum(self.latency), 0
        for place, count in enumerate(self.latency):
            if count and seen + count >= share * total:
                upper = LATENCY_BOUNDS_MS[min(place, len(LATENCY_BOUNDS_MS) - 1)]
                lower = LATENCY_BOUNDS_MS[place - 1] if place else 0.0
                lower = min(lower, upper)
                return lower + (upper - lower) * (share * total - seen) / count
            seen += count
        return None


def bucket_of(latency_ms: float) -> int:
    """The place in `Traffic.latency` that a request of this latency is counted at."""
    return bisect_left(LATENCY_BOUNDS_MS, latency_ms)
