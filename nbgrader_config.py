"""nbgrader on this tree: plain commands, with verdicts from the sandbox.

    nbgrader generate_assignment 02-recurrent-cell
    nbgrader autograde 02-recurrent-cell
    nbgrader generate_feedback 02-recurrent-cell
    nbgrader export

Run them in the repository, with .venv/bin on PATH (`source .venv/bin/activate`), or
from anywhere with --course-dir=<repository>. Hand-ins go to
_grading/submitted/<student>/<exercise>/<exercise>.ipynb. Another folder than _grading
is used with UNROLLED_GRADING=<folder inside the repository>, another database than
its gradebook.db with UNROLLED_DB_URL=postgresql://...
"""

import os
import sys
import warnings
from pathlib import Path

import nbgrader
from sqlalchemy.exc import SAWarning

from autograder import own
from autograder.derive import grading_folder
from autograder.exercise import slugs
from autograder.plugin import make_sources

c = get_config()  # noqa: F821 - given by traitlets

ROOT = Path(__file__).resolve().parent
FOLDER = grading_folder()
STEP = FOLDER.relative_to(ROOT).as_posix()

# nbgrader's own queries, one line for each grade: nothing that a reader can mend
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
# nbgrader calls `alembic` by name
os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ.get("PATH", "")])
make_sources()

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.course_id = "unrolled"
c.CourseDirectory.db_url = os.environ.get(
    "UNROLLED_DB_URL", f"sqlite:///{FOLDER}/gradebook.db"
)
c.CourseDirectory.source_directory = f"{STEP}/source"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.submitted_directory = f"{STEP}/submitted"
c.CourseDirectory.autograded_directory = f"{STEP}/autograded"
c.CourseDirectory.feedback_directory = f"{STEP}/feedback"
c.CourseDirectory.solution_directory = f"{STEP}/solution"
c.CourseDirectory.source_with_tests_directory = f"{STEP}/source_with_tests"
# nbgrader copies a hand-in's other files from step to step, and follows links. An
# exercise's own folder on this list stops that; the exchange, which looks at what is
# in the folder, still copies it.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    *slugs(),
    *own.names(),
]

c.GenerateAssignment.force = True  # exercises/ is derived, and may be written again
c.GenerateAssignment.exporter_class = "autograder.plugin.Release"
c.GenerateAssignment.post_convert_hook = "autograder.plugin.put_back"
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.LockCells",
    "autograder.derive.TaskStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

c.Autograde.exporter_class = "autograder.plugin.HandIns"
c.Autograde.pre_convert_hook = "autograder.plugin.find_notebook"
c.Autograde.post_convert_hook = "autograder.plugin.keep_timestamp"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.plugin.Examine",
    "autograder.plugin.SaveVerdicts",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Collect.named_regexp is the course's own: it tells the student from what the
# learning platform calls an archive, a folder or a file.
c.ZipCollectApp.downloaded_directory = f"{STEP}/downloaded"
c.ZipCollectApp.extractor_plugin = "autograder.collect.Unpack"
c.ZipCollectApp.collector_plugin = "autograder.collect.Collect"

c.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackPage"
c.GenerateFeedback.post_convert_hook = "autograder.plugin.keep_timestamp"
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

# formgrader's pages set formulas with what lies here, and ask no other host
c.HTMLExporter.extra_template_basedirs = [
    str(ROOT / "autograder" / "templates"),
    str(Path(nbgrader.__file__).parent / "server_extensions/formgrader/templates"),
]
c.HTMLExporter.filters = {
    "highlight_code": "autograder.feedback.coloured",
    "mathematics": "autograder.feedback.mathematics",
}

c.ExportApp.plugin_class = "autograder.feedback.Table"
