"""What was recommended, measured on real nodes: does the setting hold, and the next smaller not?

measure   an expectation's figure in a recording, and how well its predictions are known
case      a scenario's recommendation, the next smaller setting, and what is predicted of both
course    which recordings that takes; made where they are missing
verdict   what the recordings say of a case
document  all of it as sizing.json, which the fidelity report shows
run       one after the other
"""
