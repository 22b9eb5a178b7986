"""Pictures of results, by matplotlib (extra ``plot``): panels that draw into axes, and pages of panels.

A panel is a function of axes and of the data that it shows. It needs neither the command line nor the results
of the public functions, which call it: ``result.plot(ax)``. matplotlib is imported where a figure is made.
"""
