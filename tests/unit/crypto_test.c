#include "crypto/crypto.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "test.h"

static str hex_of(struct task *t, struct crypto_digest digest)
{
    return crypto_digest_hex(t->mem, &digest);
}

TEST(crypto_sha256_gives_the_published_values)
{
    struct task *t = test_task();
    EXPECT_STR(hex_of(t, crypto_sha256(STR_NONE)),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_STR(hex_of(t, crypto_sha256(STR("abc"))),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(crypto_hmac_gives_the_published_values)
{
    struct task *t = test_task();
    EXPECT_STR(hex_of(t, crypto_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"))),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_STR(hex_of(t, crypto_hmac_sha256(STR_NONE, STR_NONE)),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(crypto_hash_in_pieces_is_the_hash_of_all)
{
    struct task *t = test_task();
    struct crypto_hash *hash = crypto_hash_new(t->mem);
    crypto_hash_add(hash, STR("a"));
    crypto_hash_add(hash, STR_NONE);
    crypto_hash_add(hash, STR("bc"));
    struct crypto_digest digest = crypto_hash_end(hash);
    struct crypto_digest whole = crypto_sha256(STR("abc"));
    EXPECT_STR(crypto_digest_hex(t->mem, &digest), crypto_digest_hex(t->mem, &whole));
}

TEST(crypto_hash_of_a_file_reads_from_its_start_and_leaves_the_position)
{
    struct task *t = test_task();
    char text[300000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 7);
    FILE *file = tmpfile();
    REQUIRE(file != NULL && fwrite(text, 1, sizeof(text), file) == sizeof(text)
            && fflush(file) == 0);
    int fd = fileno(file);
    REQUIRE(lseek(fd, 17, SEEK_SET) == 17);
    struct crypto_digest digest;
    uint64_t bytes = 0;
    EXPECT_OK(t, crypto_sha256_fd(t, fd, &digest, &bytes));
    EXPECT_INT(bytes, sizeof(text));
    EXPECT_INT(lseek(fd, 0, SEEK_CUR), 17);
    EXPECT_STR(hex_of(t, digest), hex_of(t, crypto_sha256((str){text, sizeof(text)})));
    fclose(file);
    task_cancel(t);
    EXPECT_FAIL(t, ERR_CANCELLED, crypto_sha256_fd(t, fd, &digest, &bytes));
}

TEST(crypto_hash_of_a_bad_descriptor_fails)
{
    struct task *t = test_task();
    struct crypto_digest digest;
    EXPECT_FAIL(t, ERR_IO, crypto_sha256_fd(t, -1, &digest, NULL));
}

TEST(crypto_hex_reads_what_it_writes_and_nothing_else)
{
    struct task *t = test_task();
    str out = STR_NONE;
    EXPECT_STR(crypto_hex(t->mem, (str){"\x00\xff\x10", 3}), "00ff10");
    EXPECT(crypto_from_hex(t->mem, STR("00fF10"), &out));
    EXPECT(str_eq(out, ((str){"\x00\xff\x10", 3})));
    EXPECT(!crypto_from_hex(t->mem, STR("0"), &out));
    EXPECT(!crypto_from_hex(t->mem, STR("0g"), &out));
}

TEST(crypto_base64url_reads_what_it_writes_and_one_text_a_value)
{
    struct task *t = test_task();
    const struct {
        str bytes;
        const char *text;
    } table[] = {
        {STR(""), ""},        {STR("f"), "Zg"},        {STR("fo"), "Zm8"},
        {STR("foo"), "Zm9v"}, {STR("foob"), "Zm9vYg"}, {STR("\xff\xfe\xfd"), "__79"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        str out = STR_NONE;
        EXPECT_STR(crypto_base64url(t->mem, table[i].bytes), table[i].text);
        EXPECT(crypto_from_base64url(t->mem, str_of(table[i].text), &out));
        EXPECT(str_eq(out, table[i].bytes));
    }
    str out = STR_NONE;
    EXPECT(!crypto_from_base64url(t->mem, STR("Z"), &out));
    EXPECT(!crypto_from_base64url(t->mem, STR("Zh"), &out));
    EXPECT(!crypto_from_base64url(t->mem, STR("Zg=="), &out));
    EXPECT(!crypto_from_base64url(t->mem, STR("a+/b"), &out));
}

TEST(crypto_equal_compares_bytes_and_lengths)
{
    EXPECT(crypto_equal(STR("abc"), STR("abc")));
    EXPECT(crypto_equal(STR_NONE, STR("")));
    EXPECT(!crypto_equal(STR("abc"), STR("abd")));
    EXPECT(!crypto_equal(STR("abc"), STR("ab")));
}

/* RFC 8032, section 7.1, test 2. */
TEST(crypto_signs_as_published)
{
    struct task *t = test_task();
    str seed, key, signature;
    REQUIRE(crypto_from_hex(
        t->mem, STR("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), &seed));
    REQUIRE(crypto_from_hex(
        t->mem, STR("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), &key));
    EXPECT_STR(crypto_hex(t->mem, crypto_public_key(t->mem, seed)),
               "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    signature = crypto_sign(t->mem, seed, STR("\x72"));
    EXPECT_STR(crypto_hex(t->mem, signature),
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    EXPECT(crypto_is_signed(key, STR("\x72"), signature));
    EXPECT(!crypto_is_signed(key, STR("\x73"), signature));
    EXPECT(!crypto_is_signed(seed, STR("\x72"), signature));
    EXPECT(!crypto_is_signed(STR_NONE, STR("\x72"), signature));
}

TEST(crypto_check_in_pieces_is_that_of_all_and_finds_one_bit)
{
    struct task *t = test_task();
    /* GMAC of nothing under a key of zeros: test case 1 of the GCM specification. */
    static const unsigned char nothing[] = {0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61,
                                            0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a};
    char key[CRYPTO_CHECK_KEY_BYTES] = {0}, text[1000] = {0};
    unsigned char sums[4][CRYPTO_CHECK_BYTES];
    crypto_check_end(crypto_check_new(t->mem, (str){key, sizeof key}), sums[0]);
    EXPECT(memcmp(sums[0], nothing, sizeof nothing) == 0);
    for (int i = 0; i < 3; i++) {
        struct crypto_check *check = crypto_check_new(t->mem, (str){key, sizeof key});
        size_t cut = i == 1 ? 333 : 0;
        text[700] = i == 2 ? 4 : 0;
        crypto_check_add(check, (str){text, cut});
        crypto_check_add(check, (str){text + cut, sizeof text - cut});
        crypto_check_end(check, sums[i + 1]);
    }
    EXPECT(memcmp(sums[1], sums[2], sizeof sums[1]) == 0);
    EXPECT(memcmp(sums[1], sums[3], sizeof sums[1]) != 0);
}
