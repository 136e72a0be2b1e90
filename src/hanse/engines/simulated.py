# SPDX-License-Identifier: Apache-2.0
"""The simulated engine: Byzantine agreement for tests, without I/O, clock, thread or chance.

It stands where CometBFT stands. A node is called with a time and something that happened, and fills
``out`` with what it wants done; who calls owns time, order, loss and the disk. The algorithm is the
first of E. Buchman, J. Kwon, Z. Milosevic, The latest gossip on BFT consensus (2018); docstrings
name its lines. Validators with less than a third of the power may do as they like. What a validator
signs is on its disk before it leaves.
"""

from collections.abc import Callable
from typing import Final, assert_never

from hanse.codec.submission import Submission
from hanse.engines.simulated_messages import (
    NIL,
    Answered,
    Application,
    Conflict,
    Decided,
    Delivery,
    EngineBlock,
    Entry,
    Journal,
    Known,
    Locked,
    Message,
    Output,
    Pooled,
    Proposal,
    Saved,
    Send,
    Step,
    Timer,
    Vote,
    Wake,
    build_block,
)
from hanse.engines.simulated_votes import Heard, Powers, are_precommits, time_after

EMPTY_BLOCK_MS: Final = 500  # after which a proposer with nothing to propose proposes that
GOSSIP_MS: Final = 350  # between two repetitions of all that a node knows of its height
PROPOSE_MS: Final = 1_200
VOTE_MS: Final = 400
ROUND_MS: Final = 300  # longer with each round, so that any delay is outgrown
CATCH_UP_BLOCKS: Final = 10


class SimulatedEngine:
    """One node's part in the agreement on block after block."""

    def __init__(
        self,
        key: bytes,
        genesis: tuple[Powers, int],
        application: Application,
        journal: Journal,
        at: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Stand before the first start; :meth:`on_restart` begins.

        Args:
            key: the node's voting key; it votes while that is in the set.
            genesis: powers by voting key at height 1, and the genesis time.
            application: executes what is decided.
            journal: the node's disk.
            at: called with the name of each place where a crash is worth trying.
        """
        self.key = key
        self.out: list[Output] = []
        self.height = 0
        self._news = False
        self._app = application
        self._journal = journal
        self._at = at
        self._powers: dict[int, dict[bytes, int]] = {}
        for height in (1, 2):
            self._powers[height] = dict(genesis[0])
        self._time_ms = genesis[1]
        self._app_hash = b""
        self._now = 0
        self._decided: list[Saved] = []
        self._late: dict[bytes, Vote] = {}
        self._conflicts: dict[bytes, Conflict] = {}
        self._forget()

    # what happens -------------------------------------------------------------------------------

    def on_restart(self, now: int) -> list[Output]:
        """Go on from what the disk holds: bring the application up, then the current height."""
        self._now, self.out = now, []
        tail = self._recover()
        self._begin_height()
        self._resume(tail)
        self.out.append(Wake(GOSSIP_MS, Timer()))
        self._go_on()
        return self.out

    def on_message(self, now: int, sender: bytes, message: Message) -> list[Output]:
        """Take in what another node says."""
        self._now, self.out = now, []
        match message:
            case Known():
                self._learn(sender, message)
            case Pooled():
                self._news |= bool(self._app.pool(message.submissions))
            case Decided():
                for saved in message.blocks:
                    self._accept(saved)
            case _:
                assert_never(message)
        self._go_on()
        return self.out

    def on_submission(self, now: int, message: Pooled) -> list[Output]:
        """Take submissions of this node's own gateway, and tell the others."""
        self._now, self.out = now, []
        new = self._app.pool(message.submissions)
        if new:
            self._news = True
            self.out.append(Send(None, Pooled(new)))
        self._go_on()
        return self.out

    def on_timer(self, now: int, timer: Timer) -> list[Output]:
        """Do what the timer was set for, unless that has passed."""
        self._now, self.out = now, []
        if timer.step is None:
            self._gossip()
            self.out.append(Wake(GOSSIP_MS, timer))
        elif (timer.height, timer.round) == (self.height, self.round):
            self._time_out(timer)
        self._go_on()
        return self.out

    # what is known ------------------------------------------------------------------------------

    @property
    def validators(self) -> Powers:
        """Powers by voting key at the current height."""
        return self._powers[self.height]

    def powers_at(self, height: int) -> Powers:
        """Return powers by voting key at a height, at most two above the newest decided one."""
        return self._powers[height]

    def is_quorum(self, power: int, total: int) -> bool:
        """Tell whether so much of the power decides: more than two thirds."""
        return 3 * power > 2 * total

    def _forget(self) -> None:
        """Know nothing of the current height."""
        powers = self._powers.get(self.height, {})
        self._heard = Heard(self.height, powers, self.is_quorum)
        self.round = 0
        self._step = Step.PROPOSE
        self._signed = (-1, Step.PROPOSE)
        self._locked_round = self._valid_round = -1
        self._locked: EngineBlock | None = None
        self._valid: EngineBlock | None = None
        self._timed: set[tuple[int, Step]] = set()
        self._good: dict[bytes, bool] = {}
        self._may_be_empty = False

    def _learn(self, sender: bytes, known: Known) -> None:
        if known.height < self.height:
            if known.asks:
                start = known.height - 1
                missing = tuple(self._decided[start : start + CATCH_UP_BLOCKS])
                self.out.append(Send(sender, Decided(missing)))
            for vote in known.votes:
                self._take_late(vote)
            return
        if known.height > self.height:
            return  # the blocks in between come first
        for proposal in known.proposals:
            self._take_proposal(proposal)
        for vote in known.votes:
            self._take_vote(vote)

    def _take_late(self, vote: Vote) -> None:
        """Keep a precommit that came after the decision: its voter was there."""
        last = self._decided[-1]
        right = vote.height == self.height - 1 and vote.step is Step.PRECOMMIT
        right = right and vote.block == last.block.id and vote.round == last.commit[0].round
        if right and vote.voter in self._powers[vote.height]:
            self._late.setdefault(vote.voter, vote)

    def _take_proposal(self, proposal: Proposal) -> None:
        if self._heard.take_proposal(proposal):
            self._news = True
            self._journal.append(proposal)

    def _take_vote(self, vote: Vote) -> None:
        if self._heard.take_vote(vote):
            self._news = True
            self._journal.append(vote)

    def _gossip(self) -> None:
        """Say again all that is known of this height: messages are lost, nodes forget."""
        self.out.append(Send(None, self._heard.known()))
        waiting = self._app.prepare()
        if waiting:
            self.out.append(Send(None, Pooled(waiting)))

    # signing ------------------------------------------------------------------------------------

    def _sign(self, spoken: Vote | Proposal) -> None:
        """Say something once: on disk first, then to the others; never again after a restart."""
        step = spoken.step if isinstance(spoken, Vote) else Step.PROPOSE
        if (spoken.round, step) <= self._signed or self.key not in self.validators:
            return
        self._signed = (spoken.round, step)
        lock = (self._locked_round, self._locked, self._valid_round, self._valid)
        self._journal.append(Locked(self.height, *lock))
        if isinstance(spoken, Vote):
            self._take_vote(spoken)
            known = Known(self.height, (), (spoken,))
        else:
            self._take_proposal(spoken)
            known = Known(self.height, (spoken,), ())
        self._at("before the vote is synced")
        self._journal.sync()
        self._at("before the vote leaves")
        self.out.append(Send(None, known))

    def _vote(self, step: Step, block: bytes) -> None:
        self._step = step
        self._sign(Vote(self.height, self.round, step, block, self.key, self._now))

    # the algorithm ------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Apply the rules until none has anything to do; most messages tell nothing new."""
        while self._news:
            self._news = self._advance()

    def _advance(self) -> bool:
        """Apply the first rule that has something to do."""
        return (
            self._decide()
            or self._skip_ahead()
            or self._propose()
            or self._prevote()
            or self._precommit()
            or self._start_timers()
        )

    def _start_round(self, round_: int) -> None:
        """Line 11."""
        self._news = True
        self.round, self._step = round_, Step.PROPOSE
        wait = PROPOSE_MS + ROUND_MS * round_ + (0 if round_ else EMPTY_BLOCK_MS)
        self.out.append(Wake(wait, Timer(self.height, round_, Step.PROPOSE)))
        self._may_be_empty = round_ > 0
        if self._heard.proposer(round_) == self.key and not self._may_be_empty:
            timer = Timer(self.height, round_, Step.PROPOSE, proposes=True)
            self.out.append(Wake(EMPTY_BLOCK_MS, timer))

    def _propose(self) -> bool:
        """Line 14: who has its turn proposes what a majority has seen, or a block of its own."""
        mine = self._heard.proposer(self.round) == self.key and self._step is Step.PROPOSE
        if not mine or self._signed >= (self.round, Step.PROPOSE):
            return False
        block = self._valid
        if block is None:
            submissions = self._app.prepare()
            if not submissions and not self._may_be_empty:
                return False
            block = self._build(submissions)
        self._sign(Proposal(self.height, self.round, block, self._valid_round, self.key))
        return True

    def _prevote(self) -> bool:
        """Lines 22 and 28: for the proposed block, unless it is wrong or another binds."""
        if self._step is not Step.PROPOSE:
            return False
        for proposal in self._heard.proposals(self.round):
            block, before = proposal.block, proposal.valid_round
            if before >= self.round:
                continue
            if before >= 0 and not self._heard.decides(before, Step.PREVOTE, block.id):
                continue
            free = self._locked_round <= before
            free = free or (self._locked is not None and self._locked.id == block.id)
            self._vote(Step.PREVOTE, block.id if free and self._is_good(block) else NIL)
            return True
        return False

    def _precommit(self) -> bool:
        """Lines 36 and 44: what more than two thirds prevote binds, and is precommitted."""
        if self._step is Step.PROPOSE:
            return False
        for proposal in self._heard.proposals(self.round):
            block = proposal.block
            seen = self._valid_round == self.round
            if seen or not self._heard.decides(self.round, Step.PREVOTE, block.id):
                continue
            if not self._is_good(block):
                continue
            self._valid, self._valid_round = block, self.round
            if self._step is Step.PREVOTE:
                self._locked, self._locked_round = block, self.round
                self._vote(Step.PRECOMMIT, block.id)
            return True
        if self._step is Step.PREVOTE and self._heard.decides(self.round, Step.PREVOTE, NIL):
            self._vote(Step.PRECOMMIT, NIL)
            return True
        return False

    def _start_timers(self) -> bool:
        """Lines 34 and 47: once enough have voted, whatever for, wait only so long."""
        for step in (Step.PREVOTE, Step.PRECOMMIT):
            right = step is Step.PRECOMMIT or self._step is Step.PREVOTE
            done = (self.round, step) in self._timed
            if right and not done and self._heard.is_enough(self.round, step):
                self._timed.add((self.round, step))
                wait = VOTE_MS + ROUND_MS * self.round
                self.out.append(Wake(wait, Timer(self.height, self.round, step)))
        return False

    def _time_out(self, timer: Timer) -> None:
        """Lines 57, 61 and 65."""
        self._news = True
        if timer.proposes:
            self._may_be_empty = True
        elif timer.step is Step.PROPOSE and self._step is Step.PROPOSE:
            self._vote(Step.PREVOTE, NIL)
        elif timer.step is Step.PREVOTE and self._step is Step.PREVOTE:
            self._vote(Step.PRECOMMIT, NIL)
        elif timer.step is Step.PRECOMMIT:
            self._start_round(self.round + 1)

    def _skip_ahead(self) -> bool:
        """Line 55: more than a third is in a later round, so an honest one is."""
        for round_ in self._heard.rounds():
            if round_ <= self.round:
                break
            if 3 * self._heard.power(round_, Step.PREVOTE, Step.PRECOMMIT) > self._heard.total:
                self._start_round(round_)
                return True
        return False

    def _decide(self) -> bool:
        """Line 49: a block that more than two thirds precommit in one round."""
        decided = self._heard.decided()
        if decided is not None:
            self._save(Saved(*decided))
        return decided is not None

    # blocks -------------------------------------------------------------------------------------

    def _build(self, submissions: tuple[Submission, ...]) -> EngineBlock:
        """Return a block of this node's own for the current height."""
        votes = {vote.voter: vote for vote in self._decided[-1].commit} if self._decided else {}
        votes = {**self._late, **votes}
        commit = tuple(votes[voter] for voter in sorted(votes))
        conflicts = {k: c for k, c in self._conflicts.items() if k in self.validators}
        return build_block(
            height=self.height,
            time_ms=self._time_after(commit),
            proposer=self.key,
            app_hash=self._app_hash,
            commit=commit,
            misbehaviour=tuple(conflicts[voter] for voter in sorted(conflicts)),
            submissions=submissions,
        )

    def _is_good(self, block: EngineBlock) -> bool:
        """Whether an honest proposer could have made this block for the current height."""
        if block.id not in self._good:
            self._good[block.id] = self._judge(block)
        return self._good[block.id]

    def _judge(self, block: EngineBlock) -> bool:
        if block.height != self.height or block.app_hash != self._app_hash:
            return False
        if self._decided and not self._is_commit(self._decided[-1].block, block.commit):
            return False
        if not all(c.holds and c.first.voter in self.validators for c in block.misbehaviour):
            return False
        right = block.time_ms == self._time_after(block.commit)
        return right and self._app.process(block.submissions)

    def _is_commit(self, saved: EngineBlock, commit: tuple[Vote, ...]) -> bool:
        """Whether enough validators of its height, each once, precommitted this block."""
        powers = self._powers[saved.height]
        if not are_precommits(saved, commit, powers):
            return False
        return self.is_quorum(sum(powers[v.voter] for v in commit), sum(powers.values()))

    def _time_after(self, commit: tuple[Vote, ...]) -> int:
        return time_after(self._time_ms, commit, self._powers[max(1, self.height - 1)])

    def _accept(self, saved: Saved) -> None:
        """Take a decided block from another node, if it proves to be the next one."""
        if saved.block.height == self.height and self._is_commit(saved.block, saved.commit):
            self._save(saved)

    def _save(self, saved: Saved) -> None:
        """Keep a decided block, then execute it, then go on with the next height."""
        assert self._is_good(saved.block), "what the others decided is refused here"
        self._journal.append(saved)
        self._at("before the block is synced")
        self._journal.sync()
        self._at("before the block is executed")
        answer = self._execute(saved)
        self._journal.append(answer)
        self._at("before the answer is synced")
        self._journal.sync()
        self._at("before the application commits")
        self._app.commit()
        self._at("after the application committed")
        self._conflicts.update(self._heard.conflicts)
        self._follow(saved, answer)
        self._begin_height()
        self._start_round(0)

    def _execute(self, saved: Saved) -> Answered:
        block = saved.block
        convicted = tuple(conflict.first.voter for conflict in block.misbehaviour)
        return self._app.finalize(
            Delivery(
                height=block.height,
                time_ms=block.time_ms,
                proposer=block.proposer,
                signed=tuple(vote.voter for vote in block.commit),
                misbehaviour=convicted,
                submissions=block.submissions,
            )
        )

    def _follow(self, saved: Saved, answer: Answered) -> None:
        """Move on by a block that was executed; its changes of validators count from H + 2."""
        height = saved.block.height
        self._decided.append(saved)
        powers = dict(self._powers[height + 1])
        for key, power in answer.validator_updates:
            powers.pop(key, None)
            if power:
                powers[key] = power
        self._powers[height + 2] = powers
        self._app_hash, self._time_ms = answer.app_hash, saved.block.time_ms
        for conflict in saved.block.misbehaviour:
            self._conflicts.pop(conflict.first.voter, None)

    def _begin_height(self) -> None:
        self.height = len(self._decided) + 1
        self._late = {}
        self._forget()

    # starting -----------------------------------------------------------------------------------

    def _recover(self) -> list[Entry]:
        """Bring the application up to the last block saved; return what is known beyond that."""
        self._journal.sync()  # a killed process may have written what the disk never got
        durable, self._app_hash = self._app.info()
        entries = self._journal.entries
        answers = {entry.height: entry for entry in entries if isinstance(entry, Answered)}
        saved = [entry for entry in entries if isinstance(entry, Saved)]
        for block in saved:
            height = block.block.height
            answer = answers.get(height)
            if height > durable:
                again = self._execute(block)
                assert answer in {None, again}, "replay gave another answer than the first time"
                if answer is None:
                    self._journal.append(again)
                    self._journal.sync()
                self._app.commit()
                answer = again
            assert answer is not None, "the application is ahead of the engine"
            self._follow(block, answer)
        return [entry for entry in entries if getattr(entry, "height", 0) == len(saved) + 1]

    def _resume(self, tail: list[Entry]) -> None:
        """Know again what was known of the current height, above all what was signed."""
        said: list[tuple[int, Step]] = []
        for entry in tail:
            match entry:
                case Vote():
                    self._take_vote(entry)
                    if entry.voter == self.key:
                        said.append((entry.round, entry.step))
                case Proposal():
                    self._take_proposal(entry)
                    if entry.proposer == self.key:
                        said.append((entry.round, Step.PROPOSE))
                case Locked():
                    self._locked_round, self._locked = entry.locked_round, entry.locked
                    self._valid_round, self._valid = entry.valid_round, entry.valid
                case _:
                    pass
        round_, step = max(said, default=(0, Step.PROPOSE))
        self._start_round(round_)
        self._step = step
        self._signed = max(said, default=self._signed)
        for block in (self._locked, self._valid):
            if block is not None:
                self._heard.blocks[block.id] = block
