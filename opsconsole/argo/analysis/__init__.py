"""Argo Rollouts' analysis as pure functions: conditions, arguments, templates, limits, verdicts.

conditions  successCondition and failureCondition over a result
arguments   values, merging, `{{args.x}}`            (build_arguments, merge_arguments)
templates   references → one AnalysisRun              (collect_templates, new_analysis_run)
validation  what is refused, with the real texts      (validate_metrics)
limits      counts and limits of a metric
assessment  measurements → metric → run
schedule    when the next measurement is due
"""
