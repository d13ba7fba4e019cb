module hyperstartmock

go 1.19
