"""Records a plan: the same load and the same faults as a simulation, given to a real driver.

    plan (scenario with `record`)
      -> schedule: arrivals and service times from poolsim's own draws
      -> proxies in front of the nodes, with the services; a recorder program with the arrivals
      -> one time zero for all; faults at their times
      -> recordings/<plan>/<repetition>/: meta.json and Parquet, whole or not at all

A repetition that is there is not made again, so an interrupted recording goes on where it was.
"""
