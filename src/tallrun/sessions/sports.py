"""What a file calls its sport: on foot or not, in the words of many programs and languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import combining, normalize

from tallrun.errors import FormatError

#: Sports on foot win over the others' words ("trail run"), except where the other is part of the word ("swimrun").
_FOOT_WORDS = re.compile(
    r"\b(virtual ?)?(run|jog|walk|hik|trek|treadmill|orienteer|marche|course a|lauf|wander|footing|corr(er|ida|endo)"
    r"|carrera|corsa|camin|rando|hardlop|wandel|lopning|lob\b|bieg|juoks|lenkk|kavel|бег|ходьб)|跑|步行|徒步|ランニング"
    r"|ジョギング|ウォーキング",
    re.I,
)
_OTHER_WORDS = re.compile(
    r"bik(e|ing)|cycl|cykl|cicl|\b\w*ride\b|riding|\bmtb|\bbmx|swim|\brow|\bski|snow|skat|kayak|cano|paddl|paddel|surf"
    r"|sail|climb|yoga|strength|elliptic|driv|\bcar\b|\bbus\b|\btrain\b|motor|flight|flying|golf|tennis|soccer|football"
    r"|basketball|gym\b|spinning|triathlon|duathlon|multi ?sport|transition|wheelchair|\w*rad(fahren|sport|tour)"
    r"|fahrrad|velo\b|weight|crossfit|pilates|boxing|danc|horse|hunt|fishing|diving|\bhiit\b|cardio|inlin|roller|langlauf|alpin"
    r"|rudern|schwimm|fiets|wielren|zwemm|nataci|natacao|nuot|natation|nage\b|kolar|pyorai|uinti|svomn|simning|вело|плав"
    r"|лыж|骑|自行车|游泳|サイクリング|自転車|水泳",
    re.I,
)
_FOOT_NUMBERS, _OTHER_NUMBERS = {"9": "running", "10": "walking", "4": "hiking"}, {"1": "cycling"}


def sport_on_foot(name: str | None) -> tuple[str | None, bool | None]:
    """Return (sport in words, whether it is on foot); None when the word is unknown or there is none."""
    text = (name or "").strip()
    if not text or text.casefold() in ("other", "generic", "unknown", "default", "activity"):
        return None, None
    if text in _FOOT_NUMBERS or text in _OTHER_NUMBERS:
        return (_FOOT_NUMBERS | _OTHER_NUMBERS)[text], text in _FOOT_NUMBERS
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).replace("_", " ").replace("-", " ").replace("ø", "o")
    words = "".join(letter for letter in normalize("NFKD", words) if not combining(letter))
    # Without its accents a word meets its plain form; as written, those letters that have none.
    words = f"{normalize('NFC', words)} {text}"
    if _FOOT_WORDS.search(words):
        return text, True
    return text, False if _OTHER_WORDS.search(words) else None


def refuse_other_sports(where: object, names: Sequence[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """Return (sport, notes) of a file's parts. Raises FormatError, naming it, when one is of a sport not on foot."""
    sports, notes = [], []
    for name in dict.fromkeys(names):
        sport, on_foot = sport_on_foot(name)
        if on_foot is False:
            raise FormatError(
                f"{where} is an activity of sport {str(sport)[:40]}; only running and walking are imported"
            )
        if on_foot:
            sports.append(str(sport))
        elif sport is not None:
            notes.append(f"the file calls its sport {sport[:40]!r}; it was read as a run")
    if not sports and not notes:
        notes.append("the file does not say its sport; it was read as a run")
    return (sports[0] if sports else None), tuple(notes)
