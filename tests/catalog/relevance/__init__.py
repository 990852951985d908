"""How well search finds: cats and questions that people wrote and judged, and two figures."""
