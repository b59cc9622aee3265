"""Files to packets to segments: containers, compression, link types, tunnels. No judgement."""
