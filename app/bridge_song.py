"""What can be asked of the open song: its formats, its plan of an export, its null; and where its mix and masks are kept."""

from pathlib import Path

from PySide6.QtCore import QObject

from app import memory
from app.bridge_jobs import BridgeJobs
from app.bridge_work import ExportWish, Shared, plan_of
from app.settings import Settings
from app.state import Compared, NullState, Side, State, StemLook
from app.theme import stem_colour
from engine.errors import EngineError
from engine.session import Apart, Cache, ExportPlan, Measured, NullReport, Session, apart_db, distance_db, is_neutral, methods, why_not
from engine.types import AudioInfo, MethodInfo, Mix, Mixture


class BridgeSong(BridgeJobs):
    """Owns the session, and a second one beside it while two results are compared; answers at once, starts no work."""

    def __init__(self, state: State, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(state, parent)
        self._settings = settings
        self._session: Session | None = None  # the result that is heard: null badge, export and memory are of this one
        self._measured: Measured | None = None
        self._other: Session | None = None  # the result that it is compared with
        self._other_measured: Measured | None = None
        self._apart: Apart | None = None
        self.null_report: NullReport | None = None

    def null_text(self) -> str:
        """The null for people: what was measured while listening, and the report of the last export."""
        m, parts = self._measured, []
        if m is None:
            parts.append("The null is measured when the whole song is separated.")
        else:
            parts += [
                "Measured on what is played:",
                f"  neutral output   {m.n_different:,} of {m.n_compared:,} samples differ from the mixture",
                f"  sum of stems     within {m.stems_sum_db:.0f} dBFS of the mixture, before rounding",
            ]
        parts += ["", "Last export:", self.null_report.as_text()] if self.null_report else ["", "No export has been made yet."]
        return "\n".join(parts)

    def mixture(self, info: AudioInfo) -> Mixture:
        """The open recording, for the player; reads of several threads take turns."""
        session = self._session
        if session is None:
            raise ValueError(f"{info.path} is not open")
        return Shared(session.mixture)

    def methods(self) -> dict[str, MethodInfo]:
        """All methods by name, in the order of the menu."""
        return methods()

    def why_not(self, info: MethodInfo) -> str:
        """Why a method cannot serve the open song, a sentence; empty if it can (or none is open)."""
        song = self._state.song
        reason = why_not(info, song) if song else ""
        return f"{reason}." if reason else ""

    def why_not_beside(self, info: MethodInfo) -> str:
        """Why a method's result cannot be compared with the one that is heard, a sentence; empty if it can."""
        if self._session is None:
            return "Open a song first."
        heard = self._session.method.info
        if info.name == heard.name:
            return f"{info.title} is what is heard now; another method can be compared with it."
        if set(info.stems) != set(heard.stems):
            return f"Results are compared on the same faders; {info.title} has others ({', '.join(info.stems)}) than {heard.title}."
        return self.why_not(info)

    def formats_of(self, container: str | None, subtype: str | None) -> str:
        """What an export would be written as ("FLAC PCM_24"); an EngineError's sentence when it cannot be."""
        if self._session is None:
            return ""
        fmt = self._session.output_format(container, subtype)
        return f"{fmt.container} {fmt.subtype}"

    def export_choices(self) -> dict[str, tuple[str, ...]]:
        """Container -> subtypes that can be written for the open song."""
        return self._session.export_choices() if self._session else {}

    def export_plan(self, wish: ExportWish) -> ExportPlan | str:
        """What a wish would write, where and how big; a sentence when it is known to fail."""
        if self._session is None:
            return "Open a song first."
        try:
            return plan_of(self._session, wish)
        except EngineError as e:
            return str(e)
        except OSError as e:
            return f"The folder {wish.folder} cannot be looked at ({e.strerror or e}); choose another one."

    def cache_usage(self) -> str:
        """How full the cache is, in words."""
        used = self._cache().usage()
        return f"{used.n_bytes / 1e6:,.0f} MB of {used.limit_bytes / 1e9:g} GB in {used.folder}"

    def _show_results(self) -> None:
        """Put the masks as they stand into the state: of what is heard, and of both that are compared."""
        state, heard, other = self._state, self._session, self._other
        if heard is None:
            return
        compared: Compared | None = state.compared
        if compared is not None and other is not None:
            sides = (self._side(heard), self._side(other))
            a, b = sides if compared.heard == "a" else sides[::-1]
            state.compared = Compared(a, b, compared.heard)
        state.masks = heard.masks

    def _side(self, session: Session) -> Side:
        return Side(session.method.info.name, session.method.info.title, session.masks)

    def _sessions(self) -> tuple[Session, ...]:
        """What is heard, and what it is compared with."""
        return tuple(s for s in (self._session, self._other) if s is not None)

    def _say_null(self) -> None:
        state = self._state
        state.apart_db = apart_db(self._apart, state.mix) if self._apart and state.compared else None
        m, mix = self._measured, self._state.mix
        if m is None or self._session is None:
            return
        neutral = is_neutral(mix, m.stems, m.n_channels)
        distance = None if neutral else distance_db(m, mix)
        self._state.null = NullState(neutral, m.n_compared, m.n_different, m.stems_sum_db, distance)

    def _looks(self, stems: tuple[str, ...]) -> tuple[StemLook, ...]:
        return tuple(StemLook(name, name[:1].upper() + name[1:], stem_colour(name, i)) for i, name in enumerate(stems))

    def _cache(self) -> Cache:
        choices = self._settings.choices
        return Cache(Path(choices.cache_folder) if choices.cache_folder else None, int(choices.cache_limit_gb * 1e9))

    def _keep_mix(self) -> None:
        session = self._session
        if session and self._state.stems:
            memory.keep(self._settings.folder, session.info, self._state.mix, self._state.stems)

    def _recall_mix(self, session: Session) -> tuple[Mix, tuple[StemLook, ...]] | None:
        """What is remembered of a song and the stems of its method, whichever method told them apart."""
        return memory.recall(self._settings.folder, session.info, session.stems)
