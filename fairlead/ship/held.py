"""What the tables of this part hold of people: names of those who shipped: evidence, as the audit log is."""

from __future__ import annotations

EXEMPT = {
    "releases": "what was shipped, by its name",
    "deploys": "who shipped it, and who said what of it meanwhile: evidence, which nobody may take away",
    "deploy_steps": "how it went; of people it has the names of those who said a word",
    "deploy_looks": "counts of requests",
    "checklist_answers": "what was found before a release or a deploy, and who said so: evidence as well",
    "evaluations": "how releases answered the cases of a suite, and who had them asked",
}
