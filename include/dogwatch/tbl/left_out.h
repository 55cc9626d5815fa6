/* LEFT_OUT(NAME, word, text): why a match of a member takes no part in a correlation. `word`: in answers for programs; `text`: for people, behind "takes no part,". */
LEFT_OUT(LATE, late, "it is late")
LEFT_OUT(NO_KEY, no_key, "it lacks a field of group-by")
LEFT_OUT(NO_VALUE, no_value, "the field that counts is missing, or no number")
LEFT_OUT(REFUSED, refused, "there is no room for it")
LEFT_OUT(NO_PLACE, no_place, "nothing says where its address is")
