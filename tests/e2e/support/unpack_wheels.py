"""Stands in for pip where the test is not about pip: unpacks the wheels in the folders ``wheels`` and ``vendor``.

It takes a fraction of pip's time. Packages are compiled, as pip compiles them.
"""

import compileall
import glob
import os
import sys
import zipfile

(site,) = glob.glob(os.path.join(os.environ["VIRTUAL_ENV"], "lib", "python*", "site-packages"))
folders = ["vendor", *[value for option, value in zip(sys.argv, sys.argv[1:]) if option == "--find-links"]]
for wheel in [path for folder in folders for path in glob.glob(os.path.join(folder, "*.whl"))]:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
compileall.compile_dir(site, maxlevels=0, quiet=2)
