"""Laws: how uniform numbers become service times, arrival times and choices.

Everything here is a function of uniforms that somebody else drew; no generator lives in the model.
"""
