"""The machines: which nodes, which edges, when. Pure verdicts, drawing, running."""
