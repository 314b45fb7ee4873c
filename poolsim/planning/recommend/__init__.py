"""The cheapest settings that meet the expectations, and why.

question   what is asked: settings to choose among, variants that must all hold, the cost
evidence   what is known of each point so far, and how it is judged
surrogate  what points not yet simulated probably come to
search     which point to simulate next, and when to stop
reasons    what binds, what a smaller setting would break, what is as good
advice     what the drivers' own documents would say to the choice
document   recommendations/<name>.yaml
"""
