// The exact text in which bytes are shown.

#include "mock_hyperstart/detail/wire/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hyperstart::detail {
namespace {

using namespace std::string_literals;

std::string Repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// ---- Quoted

TEST(QuotedTest, PutsTextInQuotes) {
  EXPECT_EQ(Quoted(""), R"("")");
  EXPECT_EQ(Quoted("no such container"), R"("no such container")");
}

TEST(QuotedTest, EscapesQuotesAndBackslashes) {
  EXPECT_EQ(Quoted(R"(say "C:\")"), R"("say \"C:\\\"")");
}

TEST(QuotedTest, EscapesControlsByNameOrNumber) {
  EXPECT_EQ(Quoted("a\tb\r\n"), R"("a\tb\r\n")");
  EXPECT_EQ(Quoted("\x1b[1m"), R"("\x1b[1m")");
  EXPECT_EQ(Quoted("\x01\x1f\x7f"), R"("\x01\x1f\x7f")");
}

TEST(QuotedTest, ShowsTheNulThatEndsAnErrorText) {
  EXPECT_EQ(Quoted("no such container\0"s), R"("no such container\x00")");
}

TEST(QuotedTest, LeavesEveryPrintableCharacterAsItIs) {
  std::string all;
  for (char byte = ' '; byte <= '~'; ++byte) {
    if (byte != '"' && byte != '\\') all += byte;
  }
  EXPECT_EQ(Quoted(all), '"' + all + '"');
}

TEST(QuotedTest, LeavesUtf8AsItIs) {
  for (const std::string text : {"\u00e9", "\u20ac", "\U0001f600", "na\u00efve \u4e2d\u6587",
                                 // The first visible and the last character of each length.
                                 "\u00a0\u07ff", "\u0800\uffff", "\U00010000\U0010ffff"}) {
    EXPECT_EQ(Quoted(text), '"' + text + '"');
  }
}

TEST(QuotedTest, EscapesUtf8ThatIsCut) {
  EXPECT_EQ(Quoted("\xc3"), R"("\xc3")");
  EXPECT_EQ(Quoted("\xe2\x82"), R"("\xe2\x82")");
  EXPECT_EQ(Quoted("\xf0\x9f\x98"), R"("\xf0\x9f\x98")");
  EXPECT_EQ(Quoted("\xe2\x82."), R"("\xe2\x82.")");
  EXPECT_EQ(Quoted("\xf0\x9f\x98\u00e9"), "\"\\xf0\\x9f\\x98\u00e9\"");
}

TEST(QuotedTest, EscapesBytesThatBeginNoUtf8) {
  EXPECT_EQ(Quoted("\x80"), R"("\x80")");
  EXPECT_EQ(Quoted("a\xbf\xbf"), R"("a\xbf\xbf")");
  EXPECT_EQ(Quoted("\xf5\x80\x80\x80"), R"("\xf5\x80\x80\x80")");
  EXPECT_EQ(Quoted("\xff\xfe"), R"("\xff\xfe")");
}

TEST(QuotedTest, EscapesOverlongUtf8OfTwoBytes) {
  EXPECT_EQ(Quoted("\xc0\x80"), R"("\xc0\x80")");
  EXPECT_EQ(Quoted("\xc1\xbf"), R"("\xc1\xbf")");
}

TEST(QuotedTest, EscapesC1Controls) {
  EXPECT_EQ(Quoted("\u0080\u009f"), R"("\u0080\u009f")");
  EXPECT_EQ(Quoted("\u009b31mred"), R"("\u009b31mred")") << "a terminal sees ESC [ 31 m";
  EXPECT_EQ(Quoted("\u00a0"), "\"\u00a0\"") << "the first that is no control";
}

TEST(QuotedTest, EscapesLineSeparatorsAndMarksOfDirection) {
  EXPECT_EQ(Quoted("\u2028\u2029"), R"("\u2028\u2029")");
  EXPECT_EQ(Quoted("\u061c\u200e\u200f"), R"("\u061c\u200e\u200f")");
  EXPECT_EQ(Quoted("\u202a\u202e\u202c\u202c"), R"("\u202a\u202e\u202c\u202c")");
  EXPECT_EQ(Quoted("\u2066\u2069"), R"("\u2066\u2069")");
  for (const std::string text :
       {"\u061b", "\u061d", "\u200d", "\u2010", "\u2027", "\u202f", "\u2065", "\u206a"}) {
    EXPECT_EQ(Quoted(text), '"' + text + '"') << "a neighbour that is none of them";
  }
}

// ---- CodePoint

TEST(CodePointTest, DecodesEveryLength) {
  EXPECT_EQ(CodePoint("\u0080"), 0x80u);
  EXPECT_EQ(CodePoint("\u07ff"), 0x7ffu);
  EXPECT_EQ(CodePoint("\u0800"), 0x800u);
  EXPECT_EQ(CodePoint("\uffff"), 0xffffu);
  EXPECT_EQ(CodePoint("\U00010000"), 0x10000u);
  EXPECT_EQ(CodePoint("\U0010ffff"), 0x10ffffu);
}

// ---- EscapeJsonControls

TEST(EscapeJsonControlsTest, EscapesWhatJsonAllowsToStandAsItIs) {
  EXPECT_EQ(EscapeJsonControls("[\"\u009b31m\x7f\u2028\u202e\u202c\"]"),
            R"(["\u009b31m\u007f\u2028\u202e\u202c"])");
}

TEST(EscapeJsonControlsTest, LeavesAnythingElseAsItIs) {
  for (const std::string json : {"", "{\"id\":\"web\"}", "[\"\u00e9\U0001f600\"]", "\xff\xc3"}) {
    EXPECT_EQ(EscapeJsonControls(json), json);
  }
}

// ---- MermaidText: check_mermaid.sh shows such texts to Mermaid itself

TEST(MermaidTextTest, WritesWhatMermaidOrHtmlGiveAMeaningToAsEntities) {
  EXPECT_EQ(MermaidText("%%{init: {}}%%"), "#37;#37;{init#58; {}}#37;#37;");
  EXPECT_EQ(MermaidText("style a:b#c;"), "style a#58;b#35;c#59;");
  EXPECT_EQ(MermaidText("<b>&lt;"), "#60;b#62;#38;lt#59;");
  EXPECT_EQ(MermaidText("$$x$$"), "#36;#36;x#36;#36;");
}

TEST(MermaidTextTest, StaysOnOneLine) { EXPECT_EQ(MermaidText("a\nb\r\nc"), "a b  c"); }

TEST(MermaidTextTest, LeavesAnythingElseAsItIs) {
  for (const std::string text :
       {"", "next 8, ack (1.5 ms)", R"({"a",[1] "b\n"})", "\u00e9", "\xff"}) {
    EXPECT_EQ(MermaidText(text), text);
  }
}

// ---- JsonString

TEST(JsonStringTest, EscapesWhatJsonForbids) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString("web"), R"("web")");
  EXPECT_EQ(JsonString(R"(a"b\c)"), R"("a\"b\\c")");
  EXPECT_EQ(JsonString("\0\n\x1f"s), R"("\u0000\u000a\u001f")");
}

TEST(JsonStringTest, LeavesAnythingElseAsItIs) {
  EXPECT_EQ(JsonString(" ~\x7f/"), "\" ~\x7f/\"");
  EXPECT_EQ(JsonString("\u00e9\xff"), "\"\u00e9\xff\"");
}

// ---- Hex and HexDump

TEST(HexTest, IsTwoDigitsAByte) {
  EXPECT_EQ(Hex(""), "");
  EXPECT_EQ(Hex("\x00"s), "00");
  EXPECT_EQ(Hex("\x01\x7f\x80\xff"), "01 7f 80 ff");
}

TEST(HexDumpTest, HasNoLineWithoutBytes) { EXPECT_EQ(HexDump(""), ""); }

TEST(HexDumpTest, IsOneLineUpToSixteenBytes) {
  EXPECT_EQ(HexDump("\x00"s),
            "\n    00000000  00                                               |.|");
  EXPECT_EQ(HexDump("0123456789abcdef"),
            "\n    00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|");
}

TEST(HexDumpTest, GoesOnInAnotherLineFromTheSeventeenthByte) {
  EXPECT_EQ(HexDump("0123456789abcdef\x7f~ \x1f\x80\xff"),
            "\n    00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|"
            "\n    00000010  7f 7e 20 1f 80 ff                                |.~ ...|");
}

// ---- CutText

TEST(CutTextTest, LeavesWhatFits) {
  EXPECT_EQ(CutText("", 0), "");
  EXPECT_EQ(CutText("abc", 3), "abc");
  EXPECT_EQ(CutText("\u20ac", 3), "\u20ac");
}

TEST(CutTextTest, CutsBetweenCharacters) {
  EXPECT_EQ(CutText("abcd", 3), "abc");
  EXPECT_EQ(CutText("abcd", 0), "");
  EXPECT_EQ(CutText("a\u00e9b", 3), "a\u00e9");
}

TEST(CutTextTest, NeverCutsACharacterInTwo) {
  EXPECT_EQ(CutText("ab\u00e9", 3), "ab");
  EXPECT_EQ(CutText("ab\u20ac", 4), "ab");
  EXPECT_EQ(CutText("ab\u20ac", 3), "ab");
  for (const std::size_t limit : {3u, 4u, 5u}) EXPECT_EQ(CutText("ab\U0001f600", limit), "ab");
}

TEST(CutTextTest, CutsAmongBytesThatAreNoCharacters) {
  const std::string_view cut = CutText(Repeat("\x80", 100), 50);
  EXPECT_LE(cut.size(), 50u);
  EXPECT_GE(cut.size(), 47u);
}

// ---- OneLine

TEST(OneLineTest, ShowsJsonAsItIs) {
  EXPECT_EQ(OneLine(R"({"hostname":"h"})"), R"({"hostname":"h"})");
  EXPECT_EQ(OneLine(R"(["a","b"])"), R"(["a","b"])");
  EXPECT_EQ(OneLine("{\"hostname\":\"\u00e9\"}"), "{\"hostname\":\"\u00e9\"}");
}

TEST(OneLineTest, QuotesJsonOfSeveralLines) { EXPECT_EQ(OneLine("{\n}"), R"("{\n}")"); }

TEST(OneLineTest, QuotesJsonWithControlCharacters) {
  EXPECT_EQ(OneLine("[\u009b]"), R"("[\u009b]")");
  EXPECT_EQ(OneLine("{\u2028}"), R"("{\u2028}")");
  EXPECT_EQ(OneLine("[\u202e\u202c]"), R"("[\u202e\u202c]")");
  EXPECT_EQ(OneLine("[1234\x7f]"), R"("[1234\x7f]")");
}

TEST(OneLineTest, QuotesText) {
  EXPECT_EQ(OneLine(""), R"("")");
  EXPECT_EQ(OneLine("stdin\n"), R"("stdin\n")");
  EXPECT_EQ(OneLine("null"), R"("null")");
}

TEST(OneLineTest, ShowsAnythingElseInHex) {
  EXPECT_EQ(OneLine("\x01\x02\x03"), "hex 01 02 03");
  EXPECT_EQ(OneLine("\0"s), "hex 00");
}

TEST(OneLineTest, ShowsACutByAnEllipsis) {
  EXPECT_EQ(OneLine(Repeat("x", 60)), '"' + Repeat("x", 60) + '"');
  EXPECT_EQ(OneLine(Repeat("x", 61)), '"' + Repeat("x", 60) + "\"...");
  EXPECT_EQ(OneLine("{" + Repeat("1", 60)), "{" + Repeat("1", 59) + "...");
  EXPECT_EQ(OneLine(Repeat("\x01", 16)), "hex 01" + Repeat(" 01", 15));
  EXPECT_EQ(OneLine(Repeat("\x01", 17)), "hex 01" + Repeat(" 01", 15) + " ...");
  EXPECT_EQ(OneLine(Repeat("\x01", 1000)), "hex 01" + Repeat(" 01", 15) + " ...");
  EXPECT_EQ(OneLine("abc", 2), R"("ab"...)");
}

TEST(OneLineTest, NeverCutsACharacterInTwo) {
  EXPECT_EQ(OneLine("xx" + Repeat("\u20ac", 30)), "\"xx" + Repeat("\u20ac", 19) + "\"...");
}

// ---- Readable

TEST(ReadableTest, ShowsJsonAsItIs) {
  EXPECT_EQ(Readable(R"({"container":"web","signal":9})"), R"( {"container":"web","signal":9})");
}

TEST(ReadableTest, QuotesText) {
  EXPECT_EQ(Readable(""), R"( "")");
  EXPECT_EQ(Readable("stdin\n"), R"( "stdin\n")");
}

TEST(ReadableTest, ShowsAnErrorMessageThatEndsInNulAsText) {
  EXPECT_EQ(Readable("no such container\0"s), R"( "no such container\x00")");
}

TEST(ReadableTest, ShowsBytesAsTextIfAtMostAQuarterIsBinary) {
  EXPECT_EQ(Readable("abc\x01"), R"( "abc\x01")");
  EXPECT_EQ(Readable("ab\x01"),
            "\n    00000000  61 62 01                                         |ab.|");
  EXPECT_EQ(Readable("ab\xff"),
            "\n    00000000  61 62 ff                                         |ab.|");
}

TEST(ReadableTest, ShowsUtf8AndTerminalCodesAsText) {
  EXPECT_EQ(Readable("\u4e2d\u6587"), " \"\u4e2d\u6587\"");
  EXPECT_EQ(Readable("\x1b\x1b\t\r\n"), R"( "\x1b\x1b\t\r\n")");
}

TEST(ReadableTest, DumpsAnythingElse) {
  EXPECT_EQ(Readable("\0\0\x10\x94"s),
            "\n    00000000  00 00 10 94                                      |....|");
}

TEST(ReadableTest, CutsTextAndSaysItsFullLength) {
  EXPECT_EQ(Readable(Repeat("x", 1024)), " \"" + Repeat("x", 1024) + '"');
  EXPECT_EQ(Readable(Repeat("x", 1025)),
            " \"" + Repeat("x", 1024) + "\"... (the first 1024 of 1025 bytes)");
  EXPECT_EQ(Readable("abcdef", 4), R"( "abcd"... (the first 4 of 6 bytes))");
  EXPECT_EQ(Readable("abc\u20ac", 4), R"( "abc"... (the first 3 of 6 bytes))");
}

TEST(ReadableTest, CutsJsonAndSaysItsFullLength) {
  EXPECT_EQ(Readable("[" + Repeat("1", 1024)),
            " [" + Repeat("1", 1023) + "... (the first 1024 of 1025 bytes)");
}

TEST(ReadableTest, CutsADumpAndSaysItsFullLength) {
  const std::string whole = Readable(Repeat("\x01", 256));
  EXPECT_EQ(whole, HexDump(Repeat("\x01", 256)));
  EXPECT_EQ(Readable(Repeat("\x01", 257)), whole + "\n    ... (the first 256 of 257 bytes)");
}

TEST(ReadableTest, NeverShowsAControlCharacter) {
  for (const std::string control :
       {"\u0080", "\u0090", "\u009b", "\u009f", "\u2028", "\u202e\u202c"}) {
    for (const std::string& text : {"a " + control, "{\"a\":\"" + control + "\"}"}) {
      EXPECT_THAT(Readable(text), testing::Not(testing::HasSubstr(control)));
    }
  }
}

// ---- Bytes

TEST(BytesTest, KnowsThePlural) {
  EXPECT_EQ(Bytes(0), "0 bytes");
  EXPECT_EQ(Bytes(1), "1 byte");
  EXPECT_EQ(Bytes(2), "2 bytes");
  EXPECT_EQ(Bytes(18446744073709551615u), "18446744073709551615 bytes");
}

TEST(OneLineTest, ShowsInvalidUtf8InHex) {
  for (const char* const invalid :
       {"\xe0\x80\x80", "\xf0\x80\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff\xfe\xfd"}) {
    EXPECT_THAT(OneLine(invalid), testing::StartsWith("hex "));
    EXPECT_THAT(OneLine(std::string("[") + invalid), testing::StartsWith("hex 5b "));
  }
}

}  // namespace
}  // namespace hyperstart::detail
