# Writes designs.json: for every formula below, the column names and values of R's model.matrix, without the
# columns that lm() finds aliased. Run it here: Rscript designs.R
suppressMessages(library(splines))

data <- read.csv("data.csv", stringsAsFactors = TRUE)
data$t <- data$t == "True"

formulas <- c(
  "a", "0 + a", "0 + a + b", "0 + x + a", "a * b", "a + a:b", "b + b:a", "a:x", "x + a:x", "0 + a:x", "a * x",
  "x * z", "t", "t * a", "0 + t", "0 + t + a", "I(x > 2)", "factor(k)", "a * b * c", "a * b * x",
  "(a + b + c)^2", "a/b", "a/x", "x/a", "b %in% a", "a + b %in% a", "a * b + x %in% a", "a:b:c", "0 + a:b",
  "a:b - 1", "x:z", "z:x + x", "I((x - 2)^2)", "I(x/z)", "I(-x^2)", "I((x + z) * w - 3/x)", "a * b - a",
  "b:c + a + a:b", "I(x > 2):b", "I(x > 2) * I(z > 20)", "a + I(b == 'b1')", "t:b", "-1 + x + a:b", "x + a - 1",
  "1 + a", "a + 1 - 1", "a + 0", "C(a, contr.sum)", "relevel(a, ref = 'a2')", "relevel(factor(k), ref = '20')",
  "log(x) + I(x^2) + sqrt(z)", "exp(x) + abs(w) + floor(x) + ceiling(x)",
  "log2(x) + log10(x) + log1p(x) + expm1(w)", "poly(x, 2)", "poly(x, 3) * b", "poly(x, 2, raw = TRUE)",
  "poly(x, 2):a", "a + poly(z, 2) + b:poly(z, 2)", "scale(x)", "scale(x, scale = FALSE)", "ns(x, df = 4)",
  "ns(x, df = 3) * b", "ns(x, knots = c(3, 6))", "bs(x, df = 5)", "bs(x, knots = c(2, 5))",
  "bs(x, degree = 2, df = 4)"
)

quoted <- function(text) paste0("\"", gsub("\"", "\\\\\"", text), "\"")
design <- function(formula) {
  matrix <- model.matrix(as.formula(paste("~", formula)), data)
  matrix <- matrix[, !is.na(lm.fit(matrix, data$y)$coefficients), drop = FALSE]
  columns <- apply(matrix, 2, function(v) paste0("[", paste(format(v, digits = 15, trim = TRUE), collapse = ", "), "]"))
  paste0("  ", quoted(formula), ": {\n", paste0("    ", quoted(colnames(matrix)), ": ", columns, collapse = ",\n"), "\n  }")
}
writeLines(c(
  "{", paste0("  \"made with\": ", quoted(R.version.string), ","),
  paste(vapply(formulas, design, ""), collapse = ",\n"), "}"
), "designs.json")
