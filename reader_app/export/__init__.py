"""What leaves the program: workbook, interchange files, figures, report, reading packages."""
