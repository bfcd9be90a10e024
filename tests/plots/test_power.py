"""Power over the size of a study, by the structure of the figure."""

from fundus_core.plots.power import power_figure
from fundus_core.stats.power import PatientImages, TwoAucs, patients_for
from fundus_core.workflows.evaluation.power import power_curve


def test_power_figure__draws_the_curve_and_marks_the_planned_study() -> None:
    question = TwoAucs(0.9, 0.85)
    plan = patients_for(question)
    curve = power_curve(question, plan, per_patient=PatientImages())

    line, mark = power_figure(curve, plan).data

    assert list(line.x) == [study.n_patients for study in curve]
    assert list(line.y) == [study.power for study in curve]
    assert (mark.x[0], mark.y[0]) == (plan.n_patients, plan.power)
