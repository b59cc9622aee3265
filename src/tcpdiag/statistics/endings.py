"""`conn_state` and `history` of Zeek's conn.log, from the letters and states that the kernel kept."""

import re

import numpy as np

from ..model.statistics import Ending
from .gather import Gathered

CONN_STATES = ("S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
ONLY_SYN_AND_RST = re.compile(r"\^?C?S[^HAFGIQ]*R")


def histories(gathered: Gathered) -> np.ndarray:
    """One word a connection (objects): who sent what for the first time, the client in upper case."""
    letters = np.ascontiguousarray(gathered.connections["history"])
    words = letters.view(f"S{letters.shape[1]}").reshape(-1) if len(letters) else np.zeros(0, "S1")
    known, place = np.unique(words, return_inverse=True)
    return np.array([word.decode() for word in known] or [""], dtype=object)[place.reshape(-1)]


def conn_states(gathered: Gathered) -> np.ndarray:
    """One word of CONN_STATES a connection (objects): how it ended."""
    at = 2 * np.arange(len(gathered.streams)) + gathered.connections["client"]
    client, server = gathered.ends["state"][at], gathered.ends["state"][at ^ 1]
    empty = (gathered.ends["unique_bytes"][at] == 0) & (gathered.ends["unique_bytes"][at ^ 1] == 0)
    aborted = np.array([ONLY_SYN_AND_RST.match(word) is not None for word in histories(gathered)], np.bool_)
    key = ((client.astype(np.int64) * 8 + server) * 2 + empty) * 2 + aborted
    known, place = np.unique(key, return_inverse=True)
    words = [_word(Ending(int(k) >> 5), Ending(int(k) >> 2 & 7), bool(k & 2), bool(k & 1)) for k in known]
    return np.array(words or [""], dtype=object)[place.reshape(-1)]


def _word(client: Ending, server: Ending, empty: bool, aborted: bool) -> str:
    """empty: neither sent data; aborted: of the client nothing but SYN and RST was captured."""
    absent = (Ending.INACTIVE, Ending.PARTIAL)
    if server is Ending.RESET:
        opening = client in (Ending.SYN_SENT, Ending.SYN_ACK_SENT)
        if opening or (client is Ending.RESET and empty):
            return "REJ"
        return "RSTRH" if client in absent else "RSTR"
    if client is Ending.RESET:
        if server in absent:
            return "RSTOS0" if aborted else "OTH"
        return "RSTO"
    if client is Ending.CLOSED:
        if server is Ending.CLOSED:
            return "SF"
        return "SH" if server in absent else "S2"
    if server is Ending.CLOSED:
        return "SHR" if client in absent else "S3"
    if client is Ending.SYN_SENT and server is Ending.INACTIVE:
        return "S0"
    if client is Ending.ESTABLISHED and server is Ending.ESTABLISHED:
        return "S1"
    return "OTH"
