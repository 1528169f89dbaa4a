"""The sandbox's AnalysisRun controller and its metric providers."""
