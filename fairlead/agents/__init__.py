"""What an agent is: agent, tool, memory, context and the loop.

Main path: ask the model, use the tools it names, repeat until it answers.

May import: gateway and below; never runs.
"""
