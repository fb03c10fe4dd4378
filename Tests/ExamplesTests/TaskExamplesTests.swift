// The programs that put a task together from its parts.
import Refrain
import Testing

@testable import ClipCaptioner
@testable import HeadlineWriter
@testable import NumberTranslator
@testable import ReviewClassifier
@testable import ToneTranscriber

@Suite("The examples of tasks from their parts learn what they are for") struct TaskExamplesTests {
  @Test("a classifier tells kind reviews from others where counting words cannot") func reviews() throws {
    let (history, test) = try reviewClassifier()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(test.metrics["accuracy"]! > 0.98)
  }

  @Test("a translator writes new numbers in digits") func numbers() throws {
    #expect(inWords(250_716).joined(separator: " ") == "two hundred and fifty thousand seven hundred and sixteen")
    let (history, right) = try numberTranslator()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(right > 180)
  }

  @Test("a captioner says what moves in new clips") func clips() throws {
    let (history, right) = try clipCaptioner()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(right > 90)
  }

  @Test("a writer of headlines copies names that it has never seen") func headlines() throws {
    let (history, right) = try headlineWriter()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(right > 90)
  }

  @Test("a transcriber hears which notes new tunes have") func tones() throws {
    let (history, right) = try toneTranscriber()
    #expect(history.losses.last! < 0.1 * history.losses[0])
    #expect(right > 45)
  }
}
