"""Rate limits: within any minute no more than they say, in the order in which calls came."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from massgraph.backends import minute
from massgraph.backends.errors import RateLimitError, UserError
from massgraph.backends.limiter import LONGEST_PAUSE_S, Limiter, Place, limiter_for
from massgraph.backends.limits import Limits, account_of
from tests.vloop import VirtualLoop, run_virtual

URL = "https://api.example.com/v1"


def now() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


async def begun(limiter: Limiter, tokens: int = 0, lasts: float = 0.0) -> float:
    """Make one call, and return when it began."""
    with limiter.enter(tokens) as place:
        assert await place.begins()
        at = now()
        await asyncio.sleep(lasts)
        return at


async def all_begun(limiter: Limiter, number: int, **call: Any) -> list[float]:
    """Make some calls at once, and return when each began."""
    return list(await asyncio.gather(*(begun(limiter, **call) for _ in range(number))))


# --- what may be said ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"requests_per_minute": 0}, "limits: requests_per_minute must be a whole number from 1."),
        ({"tokens_per_minute": -1}, "limits: tokens_per_minute must be a whole number from 1."),
        ({"concurrent_calls": 1.5}, "limits: concurrent_calls must be a whole number from 1."),
        ({"concurrent_calls": True}, "limits: concurrent_calls must be a whole number from 1."),
        ({"requests_per_minute": "9"}, "limits: requests_per_minute must be a whole number from 1."),
        ({"request_per_minute": 9}, "limits: unknown key 'request_per_minute'. Did you mean 'requests_per_minute'?"),
        ({"x": 9}, "limits: unknown key 'x'. Known: requests_per_minute, tokens_per_minute, concurrent_calls."),
        ([60], "limits must be a mapping, not list. Known: requests_per_minute, tokens_per_minute, concurrent_calls."),
    ],
)  # fmt: skip
def test_limits_that_are_none(said: Any, problem: str) -> None:
    """A figure that limits nothing, or a key that means nothing, is refused in one line."""
    with pytest.raises(UserError) as caught:
        Limits.of(said)
    assert str(caught.value) == problem


def test_limits_read_well() -> None:
    """They show what is limited, and nothing else."""
    assert str(Limits.of({"requests_per_minute": 60})) == "requests_per_minute: 60"
    assert str(Limits()) == "none"
    assert Limits.of(Limits(concurrent_calls=2)) == Limits(concurrent_calls=2)


def test_an_account_is_a_server_and_a_key() -> None:
    """Server and key make an account, whatever path or case; the key cannot be read from it."""
    account = account_of(URL, "sk-1")
    assert account == account_of("https://API.example.com/other", "sk-1")
    others = [
        account_of(URL, "sk-2"),
        account_of(URL, None),
        account_of("https://api.example.com:8443", "sk-1"),
        account_of("https://me:pw@api.example.com", "sk-1"),
        account_of(URL, None, {"api-key": "sk-3"}),
    ]
    assert len({account, *others}) == 6
    assert account_of(URL, "sk-1", {"x-title": "mine"}) == account
    assert not [one for one in others if "sk-" in one or "pw" in one]


# --- one limiter an account ----------------------------------------------------------------------


def test_an_account_has_one_limiter() -> None:
    """It is the same for all who ask, as long as somebody holds it."""
    limits = Limits(requests_per_minute=5)
    one = limiter_for("shared (1)", limits)
    assert limiter_for("shared (1)", limits) is one
    assert limiter_for("shared (2)", limits) is not one


def test_other_limits_for_the_same_account() -> None:
    """They are refused, with both figures, while a backend with the first ones lives."""
    kept = limiter_for("api.example.com (key)", Limits(requests_per_minute=5))
    with pytest.raises(UserError) as caught:
        limiter_for("api.example.com (key)", Limits(requests_per_minute=6))
    assert str(caught.value) == (
        "The limits of api.example.com are (requests_per_minute: 6) here, and "
        "(requests_per_minute: 5) in another backend with the same key. "
        "Give all of them the same limits."
    )
    assert kept.limits.requests_per_minute == 5
    del kept, caught
    assert limiter_for("api.example.com (key)", Limits(requests_per_minute=6))


def test_what_is_only_garbage_holds_no_limits() -> None:
    """A limiter that nobody can reach any more does not stand in the way of new limits."""
    gc.disable()
    try:
        ring: list[Any] = [limiter_for("garbage", Limits(requests_per_minute=5))]
        ring.append(ring)
        del ring
        assert limiter_for("garbage", Limits(requests_per_minute=6))
    finally:
        gc.enable()


# --- requests ------------------------------------------------------------------------------------


def test_requests_of_a_minute() -> None:
    """So many begin at once, the others each a minute after one of these."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(requests_per_minute=3))
        first = await all_begun(limiter, 2)
        await asyncio.sleep(20)
        return [*first, *await all_begun(limiter, 5)]

    times = run_virtual(scenario())
    assert times == pytest.approx([0, 0, 20, 60, 60, 80, 120], abs=1e-3)


def test_without_limits_nothing_waits() -> None:
    """A limiter of nothing lets everything through at once, and keeps no account."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits())
        return await all_begun(limiter, 1000, tokens=10**9)

    assert set(run_virtual(scenario())) == {0.0}


# --- tokens --------------------------------------------------------------------------------------


def test_tokens_of_a_minute() -> None:
    """A call waits until there is room for what it will probably use."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(tokens_per_minute=100))
        return [await begun(limiter, tokens) for tokens in (60, 40, 1, 59, 41)]

    assert run_virtual(scenario()) == pytest.approx([0, 0, 60, 60, 120], abs=1e-3)


def test_a_call_that_no_minute_has_room_for() -> None:
    """It goes once nothing has been used for a minute, and nothing goes for a minute after it."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(tokens_per_minute=100))
        return [await begun(limiter, tokens) for tokens in (1, 1000, 1)]

    assert run_virtual(scenario()) == pytest.approx([0, 60, 120], abs=1e-3)


@pytest.mark.parametrize(
    ("used", "next_at"),
    [(90, 0.0), (10, 0.0), (0, 0.0), (91, 60.0), (100, 60.0), (500, 65.0)],
)
def test_the_providers_figures_count(used: int, next_at: float) -> None:
    """What a call used in truth takes the place of the estimate; more is a debt from then on."""

    async def scenario() -> float:
        limiter = Limiter(Limits(tokens_per_minute=100))
        with limiter.enter(95) as place:
            await place.begins()
            at = 5.0 if used > 100 else 0.0
            await asyncio.sleep(at)
            place.used(used)
        return await begun(limiter, 10)

    assert run_virtual(scenario()) == pytest.approx(next_at, abs=1e-3)


def test_a_correction_wakes_who_waits() -> None:
    """Tokens that were not needed are there for the next call at once."""

    async def scenario() -> tuple[float, float]:
        limiter = Limiter(Limits(tokens_per_minute=100))
        with limiter.enter(100) as place:
            await place.begins()
            waiting = asyncio.create_task(begun(limiter, 50))
            await asyncio.sleep(7.3)
            place.used(20)
            corrected = now()
        return corrected, await waiting

    corrected, at = run_virtual(scenario())
    assert at == corrected


def test_a_correction_of_what_counts_no_more() -> None:
    """A call that took minutes gives back nothing that was given back by time already."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(tokens_per_minute=100))
        with limiter.enter(100) as place:
            await place.begins()
            await asyncio.sleep(90)
            place.used(1)
        return [await begun(limiter, 100), await begun(limiter, 1)]

    assert run_virtual(scenario()) == pytest.approx([90, 150], abs=1e-3)


# --- concurrent calls ----------------------------------------------------------------------------


def test_concurrent_calls() -> None:
    """A call begins the moment that one of those before it ends."""

    async def scenario() -> list[float]:
        return await all_begun(Limiter(Limits(concurrent_calls=2)), 5, lasts=10)

    assert run_virtual(scenario()) == [0, 0, 10, 10, 20]


# --- pauses --------------------------------------------------------------------------------------


def test_a_pause_is_for_all() -> None:
    """Nobody begins before it is over, also who has waited since before it."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(concurrent_calls=1))
        running = asyncio.create_task(begun(limiter, lasts=5))
        await asyncio.sleep(1)
        waiting = asyncio.create_task(begun(limiter))
        await asyncio.sleep(1)
        limiter.pause(30)
        limiter.pause(3)  # the longer one counts
        return [await running, await waiting, await begun(limiter)]

    assert run_virtual(scenario()) == pytest.approx([0, 32, 32], abs=1e-3)


def test_a_pause_not_worth_waiting_for() -> None:
    """Whoever waits, and whoever comes, hears at once how long it would be."""

    async def scenario() -> float:
        limiter = Limiter(Limits(concurrent_calls=1), "api.example.com")
        with limiter.enter() as place:
            await place.begins()
            waiting = [asyncio.create_task(begun(limiter)) for _ in range(3)]
            await asyncio.sleep(0.5)
            limiter.pause(LONGEST_PAUSE_S + 880)
            for end in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(end, RateLimitError)
                assert end.retry_after == pytest.approx(1000, abs=2)
                assert str(end) == "api.example.com asked for a pause, of which 1000 s are left."
        return now()

    assert run_virtual(scenario()) <= 1.0


# --- the queue -----------------------------------------------------------------------------------


def test_who_came_first_goes_first() -> None:
    """A large call is not overtaken for ever by small ones for which there would be room."""

    async def scenario() -> list[float]:
        limiter = Limiter(Limits(tokens_per_minute=100))
        await begun(limiter, 50)
        calls = [asyncio.create_task(begun(limiter, tokens)) for tokens in (90, 10, 10)]
        return [await call for call in calls]

    assert run_virtual(scenario()) == pytest.approx([60, 60, 120], abs=1e-3)


@pytest.mark.parametrize("limits", [{"requests_per_minute": 1}, {"concurrent_calls": 1}])
def test_a_cancelled_call_leaves_no_trace(limits: Mapping[str, int]) -> None:
    """Those behind it go as if it had never come, and nothing of it stays."""

    async def scenario() -> float:
        limiter = Limiter(Limits(**limits))
        running = asyncio.create_task(begun(limiter, lasts=30))
        calls = [asyncio.create_task(begun(limiter)) for _ in range(4)]
        await asyncio.sleep(1)
        for call in calls[:3]:
            call.cancel()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends[:3]] == [asyncio.CancelledError] * 3
        await running
        assert not limiter._queue
        assert not limiter._running
        last = ends[3]
        assert isinstance(last, float)
        return last

    expected = 60 if "requests_per_minute" in limits else 30
    assert run_virtual(scenario()) == pytest.approx(expected, abs=1e-3)


def test_a_call_cancelled_as_its_turn_comes() -> None:
    """It takes nothing, also when it was woken already in the same moment."""

    async def scenario() -> float:
        limiter = Limiter(Limits(concurrent_calls=1))
        place = limiter.enter()
        await place.begins()
        first, second = (asyncio.create_task(begun(limiter)) for _ in range(2))
        await asyncio.sleep(1)
        place.close()
        await asyncio.sleep(0)  # the first one is woken, and has not run yet
        first.cancel()
        at = await second
        assert first.cancelled()
        return at

    assert run_virtual(scenario()) == 1.0


def test_who_looks_away_is_passed() -> None:
    """A call whose owner does something else blocks nobody, and is first when it returns."""

    async def scenario() -> list[str]:
        limiter = Limiter(Limits(concurrent_calls=1))
        order: list[str] = []
        running, away = limiter.enter(), limiter.enter()
        assert await running.begins()
        assert not await away.begins(within=2)

        async def other(name: str) -> None:
            with limiter.enter() as place:
                await place.begins()
                order.append(name)
                await asyncio.sleep(10)

        others = [asyncio.create_task(other(name)) for name in ("b", "c")]
        await asyncio.sleep(1)
        running.close()
        await asyncio.sleep(5)
        assert await away.begins()
        order.append("a")
        away.close()
        await asyncio.gather(*others)
        return order

    assert run_virtual(scenario()) == ["b", "a", "c"]


# --- the law, in general -------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A call: when it comes, what it takes, and after how long it is given up, if it is."""

    after: float
    tokens: int
    lasts: float
    patience: float | None


@dataclass
class Made:
    """A call that was made."""

    number: int
    tokens: int
    begun: float
    ended: float


plans = st.lists(
    st.builds(
        Plan,
        after=st.sampled_from([0.0, 0.1, 1.0, 7.5, 30.0]),
        tokens=st.integers(0, 150),
        lasts=st.sampled_from([0.0, 0.5, 9.0, 70.0]),
        patience=st.sampled_from([None, None, 0.0, 0.3, 20.0]),
    ),
    min_size=1,
    max_size=25,
)
some_limits = st.builds(
    Limits,
    requests_per_minute=st.none() | st.integers(1, 6),
    tokens_per_minute=st.none() | st.integers(50, 300),
    concurrent_calls=st.none() | st.integers(1, 4),
)


async def carry_out(limiter: Limiter, calls: list[Plan]) -> list[Made]:
    """Make all calls, each at its time, and return those that were not given up."""
    made: list[Made] = []

    async def call(number: int, plan: Plan) -> None:
        with limiter.enter(plan.tokens) as place:
            try:
                async with asyncio.timeout(plan.patience):
                    await place.begins()
            except TimeoutError:
                return
            one = Made(number, plan.tokens, now(), 0.0)
            made.append(one)
            await asyncio.sleep(plan.lasts)
            one.ended = now()

    async with asyncio.TaskGroup() as group:
        for number, plan in enumerate(calls):
            await asyncio.sleep(plan.after)
            group.create_task(call(number, plan))
    return made


@settings(max_examples=150, deadline=None)
@given(plans, some_limits)
def test_the_law(calls: list[Plan], limits: Limits) -> None:
    """Within any minute, and at any moment, no more than allowed; all patient calls are made."""
    limiter = Limiter(limits)
    made = run_virtual(carry_out(limiter, calls))
    assert [one.number for one in made] == sorted(one.number for one in made)
    assert {n for n, plan in enumerate(calls) if plan.patience is None} <= {m.number for m in made}
    assert (limiter._queue, limiter._running) == ({}, set())
    for first in made:
        within = [one for one in made if first.begun <= one.begun < first.begun + 60]
        at_once = [one for one in made if one.begun <= first.begun < one.ended]
        if limits.requests_per_minute is not None:
            assert len(within) <= limits.requests_per_minute
        if limits.concurrent_calls is not None:
            assert len(at_once) <= limits.concurrent_calls
        if limits.tokens_per_minute is not None and len(within) > 1:
            allowed = max(limits.tokens_per_minute, *(one.tokens for one in within))
            assert sum(one.tokens for one in within) <= allowed


# --- event loops and threads ---------------------------------------------------------------------


def test_two_loops_in_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of both keep the limits together, and none of them waits for ever."""
    monkeypatch.setattr(minute, "MINUTE_S", 0.2)
    limiter = Limiter(Limits(requests_per_minute=8, concurrent_calls=2))
    times: list[float] = []
    running, most = set[int](), [0]

    async def call(number: int) -> None:
        with limiter.enter() as place:
            await place.begins()
            assert place.spent is not None
            times.append(place.spent.at)
            running.add(number)
            most[0] = max(most[0], len(running))
            await asyncio.sleep(0.002)
            running.discard(number)

    async def calls(start: int) -> None:
        await asyncio.gather(*(call(start + number) for number in range(15)))

    threads = [threading.Thread(target=asyncio.run, args=(calls(n),)) for n in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(times) == 30
    assert most[0] <= 2
    times.sort()
    assert all(later - earlier >= 0.2 for earlier, later in zip(times, times[8:], strict=False))


def test_a_loop_that_stands_still() -> None:
    """A call on a loop that was stopped is passed; when the loop goes on, it has its turn."""
    limiter = Limiter(Limits(concurrent_calls=1))
    still = VirtualLoop()

    async def stop() -> tuple[Place, asyncio.Task[float]]:
        place = limiter.enter()
        await place.begins()
        waiting = asyncio.create_task(begun(limiter))
        await asyncio.sleep(0.1)
        return place, waiting

    try:
        place, waiting = still.run_until_complete(stop())
        place.close()
        assert run_virtual(begun(limiter)) == 0.0
        assert not waiting.done()
        still.run_until_complete(waiting)
    finally:
        still.close()
    assert not limiter._queue


def test_a_loop_that_is_gone() -> None:
    """A call that was running on a loop which was closed holds no slot."""
    limiter = Limiter(Limits(concurrent_calls=1))
    gone = VirtualLoop()

    async def leave() -> object:
        place = limiter.enter()
        await place.begins()
        return place  # never closed

    place = gone.run_until_complete(leave())
    gone.close()
    assert run_virtual(begun(limiter)) == 0.0
    assert place not in limiter._running


def test_a_clock_of_its_own() -> None:
    """On a loop whose clock is far behind, time goes on from where it was."""
    limiter = Limiter(Limits(requests_per_minute=1))

    async def late() -> float:
        await asyncio.sleep(5000)
        return await begun(limiter)

    assert run_virtual(late()) == 5000
    assert run_virtual(begun(limiter)) == pytest.approx(60, abs=1e-3)
