#include "infer/infer.h"

/* Words of names, in English, German and French, that speak of people; whole words, or the beginning of one where it ends in `*`. */
static const struct {
    const char *word, *label, *meaning;
} infer_words[] = {
    {"email*", "pii", "an e-mail address"},
    {"mail", "pii", "an e-mail address"},
    {"courriel", "pii", "an e-mail address"},
    {"phone*", "pii", "a phone number"},
    {"telephone*", "pii", "a phone number"},
    {"telefon*", "pii", "a phone number"},
    {"mobile", "pii", "a phone number"},
    {"handy*", "pii", "a phone number"},
    {"fax", "pii", "a phone number"},
    {"birth*", "pii", "a date of birth"},
    {"dob", "pii", "a date of birth"},
    {"geburt*", "pii", "a date of birth"},
    {"naissance", "pii", "a date of birth"},
    {"iban", "pii", "an account number"},
    {"konto*", "pii", "an account number"},
    {"compte", "pii", "an account number"},
    {"account_no", "pii", "an account number"},
    {"card*", "pii", "a card number"},
    {"kreditkarte*", "pii", "a card number"},
    {"carte", "pii", "a card number"},
    {"ssn", "pii", "a social security number"},
    {"ahv*", "pii", "a social security number"},
    {"avs", "pii", "a social security number"},
    {"nss", "pii", "a social security number"},
    {"passport*", "pii", "a passport number"},
    {"passeport*", "pii", "a passport number"},
    {"reisepass*", "pii", "a passport number"},
    {"firstname", "pii", "a name of a person"},
    {"lastname", "pii", "a name of a person"},
    {"surname", "pii", "a name of a person"},
    {"fullname", "pii", "a name of a person"},
    {"vorname*", "pii", "a name of a person"},
    {"nachname*", "pii", "a name of a person"},
    {"prenom*", "pii", "a name of a person"},
    {"street*", "pii", "an address"},
    {"address*", "pii", "an address"},
    {"adresse*", "pii", "an address"},
    {"strasse*", "pii", "an address"},
    {"rue", "pii", "an address"},
    {"salary", "pii", "a salary"},
    {"lohn", "pii", "a salary"},
    {"gehalt", "pii", "a salary"},
    {"salaire", "pii", "a salary"},
    {"diagnos*", "pii", "health"},
    {"blood*", "pii", "health"},
    {"religion", "pii", "religion"},
    {"ip", "pii", "an address of the internet"},
    {"password*", "secret", "a password"},
    {"passwort*", "secret", "a password"},
    {"kennwort", "secret", "a password"},
    {"token", "secret", "a secret"},
};

static const char *const infer_pairs[][2] = {
    {"first_name", "firstname"}, {"last_name", "lastname"}, {"family_name", "lastname"},
    {"given_name", "firstname"}, {"full_name", "fullname"}, {"user_agent", ""},
};

static char infer_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool infer_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* `customerEmail`, `E-Mail`, `BIRTH_DATE` -> words with one underscore between. */
static str infer_words_of(struct arena *mem, str name)
{
    struct buf *b = buf_new(mem, 512);

    for (size_t i = 0; i < name.len && i < 128; i++) {
        char c = name.ptr[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        bool was_lower = i > 0 && name.ptr[i - 1] >= 'a' && name.ptr[i - 1] <= 'z';

        if (is_upper && was_lower) {
            buf_add_byte(b, '_');
        }
        if (infer_is_letter(c) || (c >= '0' && c <= '9')) {
            buf_add_byte(b, infer_lower(c));
        } else if (b->len > 0 && b->ptr[b->len - 1] != '_') {
            buf_add_byte(b, '_');
        }
    }
    return buf_str(b);
}

static bool infer_has_word(str words, str word)
{
    bool is_prefix = str_ends(word, STR("*"));
    str part;

    word = is_prefix ? str_sub(word, 0, word.len - 1) : word;
    while (words.len > 0) {
        (void)str_cut(words, '_', &part, &words);
        if (str_eq(part, word) || (is_prefix && str_starts(part, word))) {
            return true;
        }
    }
    return false;
}

static str infer_label_of_name(struct arena *mem, str name, const char **meaning_out)
{
    str words = infer_words_of(mem, name);

    if (str_find(words, STR("e_mail")) < words.len) {
        words = STR("email");
    }
    for (size_t i = 0; i < sizeof(infer_pairs) / sizeof(infer_pairs[0]); i++) {
        if (str_find(words, str_of(infer_pairs[i][0])) < words.len) {
            words = str_of(infer_pairs[i][1]);
        }
    }
    for (size_t i = 0; i < sizeof(infer_words) / sizeof(infer_words[0]); i++) {
        if (infer_has_word(words, str_of(infer_words[i].word))) {
            *meaning_out = infer_words[i].meaning;
            return str_of(infer_words[i].label);
        }
    }
    return STR_NONE;
}

/* ---- check digits */

bool infer_is_iban(str text)
{
    unsigned rest = 0;
    size_t len = 0;
    char plain[40];

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ' && len < sizeof(plain)) {
            plain[len++] = text.ptr[i];
        }
    }
    for (size_t i = 0; len >= 15 && i < len; i++) {
        char c = plain[(i + 4) % len];
        bool is_digit = c >= '0' && c <= '9';

        if (!is_digit && (c < 'A' || c > 'Z')) {
            return false;
        }
        rest = is_digit ? (rest * 10 + (unsigned)(c - '0')) % 97
                        : (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
    }
    return rest == 1;
}

static size_t infer_digits(str text, char out[24])
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && len < 24; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            out[len++] = text.ptr[i];
        }
    }
    return len;
}

bool infer_is_card(str text)
{
    char digits[24];
    size_t len = infer_digits(text, digits);
    int sum = 0;

    for (size_t i = 0; i < len; i++) {
        int digit = digits[len - 1 - i] - '0';

        digit = i % 2 == 1 ? digit * 2 : digit;
        sum += digit > 9 ? digit - 9 : digit;
    }
    return len >= 13 && len <= 19 && sum % 10 == 0 && sum > 0;
}

bool infer_is_ahv(str text)
{
    char digits[24];
    size_t len = infer_digits(text, digits);
    int sum = 0;

    for (size_t i = 0; i < 12 && i < len; i++) {
        sum += (digits[i] - '0') * (i % 2 == 1 ? 3 : 1);
    }
    return len == 13 && digits[0] == '7' && digits[1] == '5' && digits[2] == '6'
        && (10 - sum % 10) % 10 == digits[12] - '0';
}

/* Nine of ten: real columns hold a typing error here and there. */
static bool infer_mostly(uint64_t part, uint64_t all)
{
    return all > 0 && part * 10 >= all * 9;
}

static bool infer_checks(const struct infer_column *column, bool (*is_right)(str text))
{
    uint64_t right = 0;

    for (size_t i = 0; i < column->samples.len; i++) {
        right += is_right(column->samples.at[i]);
    }
    return infer_mostly(right, column->samples.len);
}

static const char *infer_meaning_of_values(const struct infer_column *column)
{
    static const struct {
        enum infer_form form;
        bool (*is_right)(str text);
        const char *meaning;
    } known[] = {
        {FORM_EMAIL, NULL, "e-mail addresses"},
        {FORM_IBAN, infer_is_iban, "IBANs with right check digits"},
        {FORM_AHV, infer_is_ahv, "AHV numbers with right check digits"},
        {FORM_CARD, infer_is_card, "card numbers with right check digits"},
        {FORM_PHONE, NULL, "phone numbers"},
        {FORM_ADDRESS, NULL, "addresses of the internet"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (infer_mostly(column->counts[known[i].form], column->values)
            && (known[i].is_right == NULL || infer_checks(column, known[i].is_right))) {
            return known[i].meaning;
        }
    }
    return NULL;
}

str infer_label(struct arena *mem, const struct infer_column *column, str *why_out)
{
    const char *meaning = infer_meaning_of_values(column);

    if (meaning != NULL) {
        *why_out = arena_format(mem, "its values are %s", meaning);
        return STR("pii");
    }
    str label = infer_label_of_name(mem, column->name, &meaning);
    if (label.len > 0) {
        *why_out = arena_format(mem, "by its name it is %s", meaning);
    }
    return label;
}
