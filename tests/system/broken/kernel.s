_start: hlt
