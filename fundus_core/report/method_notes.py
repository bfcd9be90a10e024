"""What is computed, from which paper, and what it does not show: for the page and for reports."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MethodNote:
    """One thing that is computed."""

    name: str
    computed: str
    """What is computed, in one sentence."""

    reference: str
    """The paper it follows."""

    not_shown: str
    """What a reader must not take from it."""


STEPS: tuple[MethodNote, ...] = (
    MethodNote(
        "Photograph to input",
        "The field of view is found, cropped, padded to a square, resized with antialiasing and "
        "normalised as the backbone's weights expect; CLAHE and Ben Graham's local average on "
        "request.",
        "Zuiderveld (1994), Graphics Gems IV (CLAHE); Graham (2015), Kaggle DR report",
        "Cropping changes what a network may use: compare models only with equal preprocessing.",
    ),
    MethodNote(
        "Embedding",
        "One forward pass of a frozen network; its pooled last features, stored by the hash of the "
        "photograph, the weights and every setting.",
        "See the table of backbones",
        "Weights that saw the evaluated photographs in pre-training give figures that are too "
        "good.",
    ),
    MethodNote(
        "Mean colour",
        "A logistic probe on three numbers per photograph, its mean red, green and blue, in the "
        "same folds as every other model.",
        "Shortcut baseline: Geirhos et al. (2020), arXiv:2004.07780",
        "A model not better than this may have learned cameras or skin tone instead of disease.",
    ),
    MethodNote(
        "Cross-validation",
        "Outer folds grouped by patient and stratified by class, each checked to hold both "
        "classes; the strength of regularisation is chosen by inner folds of the training side, "
        "grouped too. Where there are too few patients for them, the middle one is taken.",
        "Varma & Simon (2006), BMC Bioinformatics 7, 91 (nested folds)",
        "Photographs of the same hospital and camera: other sites are usually worse.",
    ),
    MethodNote(
        "Fine-tuning",
        "In each outer fold a fresh copy of the backbone is trained with a new head, as the "
        "strategy says which of its weights move; 15 % of the training patients choose the epoch "
        "by their loss (none where there are fewer than 20: the last epoch is kept). Rare classes "
        "weigh more, at most ten times. Other photographs are scored by the mean of the folds' "
        "networks.",
        "Davila et al. (2024), arXiv:2406.10050; Loshchilov & Hutter (2019), arXiv:1711.05101 "
        "(AdamW)",
        "Its scores are not calibrated, and folds are models of their own: pooled scores compare "
        "patients across them.",
    ),
    MethodNote(
        "Shares of the patients",
        "A share of each fold's training patients, every set of labels in its proportion, all "
        "held-out patients tested; smaller shares of a draw are part of larger ones.",
        "Jang et al. (2024), arXiv:2408.08790 (the stress test)",
        "Few draws show little of the chance in which patients were taken.",
    ),
    MethodNote(
        "Zero-shot",
        "Descriptions of each class are read by the backbone's text tower and averaged to a "
        "prototype; scores are a softmax over the scaled products of embedding and prototypes, "
        "for columns of 0 and 1 over a finding and its opposite. Nothing is fitted.",
        "Radford et al. (2021), arXiv:2103.00020 (CLIP); Silva-Rodríguez et al. (2025), Medical "
        "Image Analysis 99, 103357 (FLAIR)",
        "Scores are not calibrated. Other words give other figures; words chosen by their figures "
        "flatter themselves.",
    ),
    MethodNote(
        "Upstream task",
        "Before the question that matters a backbone learns to tell normal from abnormal, and if "
        "wanted diseases, the number of lesions and where they are; the epoch with the lowest "
        "loss on a tenth of the patients gives the weights, stored at half precision.",
        "Jang et al. (2024), arXiv:2408.08790 (the binary task)",
        "Figures of the upstream task say nothing about other photographs; of drawn photographs "
        "nothing about patients.",
    ),
)

STATISTICS: tuple[MethodNote, ...] = (
    MethodNote(
        "ROC curve and AUC",
        "The empirical curve of the pooled held-out scores and the area below it; ties count one "
        "half; an AUC below one half is shown as it is.",
        "Hanley & McNeil (1982), Radiology 143(1), 29-36; Parker et al. (2007), BMC Bioinformatics "
        "8, 326",
        "The AUC weighs all thresholds, also those nobody would use, and says nothing on "
        "calibration. Pooled over folds, that of a model that learned next to nothing falls below "
        "one half, so that a difference from it is too large.",
    ),
    MethodNote(
        "Band of the curve",
        "A 95 % band of each point by resampling patients (photographs where patients are unknown) "
        "within classes, at least as wide as Wilson's interval; or, on request, one that the whole "
        "curve stays in.",
        "Efron & Tibshirani (1993), chapter 13; Rutter (2000), Academic Radiology 7(6), 413-419; "
        "Montiel Olea & Plagborg-Møller (2019), J. Appl. Econometrics 34(1), 1-17",
        "Each point on its own: a whole curve leaves the band more often than 1 time in 20.",
    ),
    MethodNote(
        "Interval of an AUC",
        "DeLong's variance, on the logit scale so that it stays within 0 and 1, with Student's t; "
        "by patient in Obuchowski's form; the exact bound on independent pairs where nothing "
        "varies.",
        "DeLong et al. (1988), Biometrics 44(3), 837-845; Obuchowski (1997), Biometrics 53(2), "
        "567-578",
        "It covers the choice of patients, not that of seed, folds, site or camera.",
    ),
    MethodNote(
        "Difference of two AUCs",
        "The paired test on the same photographs; by patient where patients are known, with plain "
        "DeLong beside it; unpaired between data sets.",
        "DeLong et al. (1988); Obuchowski (1997); Robin et al. (2011), BMC Bioinformatics 12, 77",
        "A large p-value does not show that two models are equal. Models tried and left out count "
        "too.",
    ),
    MethodNote(
        "Several diseases at once",
        "One against the rest for each class; the macro average is the mean of the AUCs, the micro "
        "average one AUC over all pairs of a photograph and a class; intervals and tests of both "
        "take the patient as the unit.",
        "Hanley & Hajian-Tilaki (1997), Academic Radiology 4(1), 49-58 (macro); Obuchowski (1997) "
        "(micro)",
        "The micro average is higher where classes are of different frequency, whatever the model "
        "sees. Averages over different classes cannot be compared.",
    ),
    MethodNote(
        "Several tests at once",
        "Holm's step-down correction (or Benjamini and Hochberg's) over the pairs, and over the "
        "classes, that are compared together; one chi-square test "
        "of all models; classes with fewer than ten patients with or without it are not tested.",
        "Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70",
        "Comparisons made earlier, or on other pages, are not in it.",
    ),
    MethodNote(
        "Sensitivity and specificity",
        "Shares at the chosen threshold with Wilson's intervals, the number of photographs divided "
        "by the design effect of patients.",
        "Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212; Rao & Scott (1992), Biometrics "
        "48(2), 577-585",
        "A threshold sought on the same photographs flatters both shares.",
    ),
    MethodNote(
        "Decisions and what they give",
        "Kappa, F1, balanced accuracy, sensitivity and others of the pooled held-out predictions, "
        "with BCa intervals by resampling patients. The threshold of a fold is the one with the "
        "highest Youden index on the other folds; on another data set, the one chosen inside.",
        "Efron (1987), J. Am. Stat. Assoc. 82, 171-185; Youden (1950), Cancer 3(1), 32-35",
        "The values of single folds share training patients: their spread is no standard error.",
    ),
    MethodNote(
        "At least as good",
        "A one-sided test of the difference against a margin stated beforehand; equivalence by two "
        "of them.",
        "Piaggio et al. (2012), JAMA 308(24), 2594-2604; Schuirmann (1987), J. Pharmacokinet. "
        "Biopharm. 15(6), 657-680",
        "It is as good as the margin: one chosen after looking proves nothing.",
    ),
    MethodNote(
        "What a call is worth",
        "Predictive values and likelihood ratios from sensitivity, specificity and a prevalence "
        "that the reader states, by Bayes' theorem; intervals by patient.",
        "Newcombe (2016); Zou & Donner (2008), Statistics in Medicine 27(10), 1693-1702",
        "The stated prevalence is taken as known, and the spectrum of patients as the same.",
    ),
    MethodNote(
        "Calibration",
        "Observed shares over predicted ones in bins of equal mass; slope and intercept on the "
        "logit with sandwich errors by patient; Brier score with its parts; recalibration learned "
        "on other folds.",
        "Cox (1958), Biometrika 45, 562-565; Van Calster et al. (2019), BMC Medicine 17, 230; "
        "Kumar, Liang & Ma (2019), NeurIPS",
        "It holds for these photographs' prevalence. The calibration error (ECE) of a perfect "
        "model is above zero by chance, so it has no interval.",
    ),
    MethodNote(
        "Decision curve",
        "Net benefit over threshold probabilities beside treating all and none, with bands by "
        "resampling patients.",
        "Vickers & Elkin (2006), Medical Decision Making 26(6), 565-574",
        "It weighs missed diseases and false alarms by the threshold alone.",
    ),
    MethodNote(
        "Subgroups",
        "AUC, sensitivity and specificity in each group, and a chi-square test between groups "
        "whose covariance knows that groups may share patients.",
        "Obuchowski (1997)",
        "A difference says that there is one, not why. Many columns looked at find one by chance.",
    ),
    MethodNote(
        "Shortcuts",
        "Probes on colour, light, sharpness, field of view, file and camera in the model's own "
        "folds, tested against it by patient; the AUC among photographs alike in one of them.",
        "Janes & Pepe (2009), Biometrika 96(2), 371-382",
        "A model that beats them all may still use a shortcut that was not measured.",
    ),
    MethodNote(
        "Labels to look at again",
        "Confident learning on held-out scores.",
        "Northcutt, Jiang & Chuang (2021), JAIR 70, 1373-1411",
        "A place high on the list is a reason to look, no proof. Errors of whole groups are not "
        "found.",
    ),
    MethodNote(
        "Agreement of backbones",
        "Linear CKA, debiased, and the share of neighbours in common; intervals by leaving out "
        "patients.",
        "Kornblith et al. (2019), ICML; Song et al. (2012), JMLR 13, 1393-1434",
        "Two backbones can agree because both see the camera.",
    ),
    MethodNote(
        "Trust in a map",
        "Trustworthiness: how far neighbours on the plane are neighbours in the embedding.",
        "Venna & Kaski (2001), ICANN, 485-491",
        "Distances between groups, sizes of groups and axes of t-SNE and UMAP mean nothing.",
    ),
)

NOTES: dict[str, MethodNote] = {note.name: note for note in (*STEPS, *STATISTICS)}
"""Name -> note."""

_REMARK = re.compile(r" \((?!\d{4}\))[^()]*\)$")
"""What a paper was cited for, in brackets at its end."""


def paper(name: str, author: str) -> str:
    """Returns one of the papers of a note, without the remark on what it was cited for.

    Args:
        name: Of a note.
        author: How the citation begins.

    Raises:
        KeyError: If the note cites no such paper.

    Examples:
        >>> paper("Photograph to input", "Zuiderveld")
        'Zuiderveld (1994), Graphics Gems IV'
    """
    for citation in NOTES[name].reference.split("; "):
        if citation.startswith(author):
            return _REMARK.sub("", citation)
    raise KeyError(author)
