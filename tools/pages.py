# SPDX-License-Identifier: Apache-2.0
"""Write every page, and every example in a page, that is made from the code."""

import sys

from tools import deploy_files, limits_page, reference_pages, spec_border_examples, spec_examples

if __name__ == "__main__":
    sys.exit(
        max(
            page.main()
            for page in (
                limits_page,
                spec_examples,
                spec_border_examples,
                reference_pages,
                deploy_files,
            )
        )
    )
