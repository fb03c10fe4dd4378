import Testing

@testable import Refrain
@testable import RefrainData

@Suite("A progress reporter shows") struct ProgressReporterTests {
  private final class Screen {
    var text = ""
    var seconds = 0.0
    var columns = 100
    var lines: [Substring] { text.split(separator: "\n") }
  }

  private func epoch(_ number: Int) -> History.Epoch {
    History.Epoch(
      number: number, loss: 0.0123456, validationLoss: 0.25, metrics: ["accuracy": 0.5],
      validationMetrics: ["accuracy": 0.75], learningRate: 0.1, seconds: 1)
  }

  private func run(
    _ style: ProgressReporter.Style, epochs: Int, isTerminal: Bool, stopAfter: Int? = nil, columns: Int = 100
  ) -> Screen {
    let screen = Screen()
    screen.columns = columns
    let reporter = ProgressReporter(
      style, isTerminal: isTerminal, columns: { screen.columns }, write: { screen.text += $0 },
      seconds: { screen.seconds })
    func tell(_ kind: TrainingEvent.Kind) {
      _ = reporter.observe(TrainingEvent(kind, epochs: epochs, batches: 10, history: History()))
    }
    tell(.began)
    for number in 1...(stopAfter ?? epochs) {
      for batch in 1...10 {
        screen.seconds += 1
        tell(
          .step(
            TrainingStep(
              epoch: number, batch: batch, step: batch, loss: 0.25, meanLoss: 0.5, learningRate: 0.1, examples: 1)))
      }
      tell(.epoch(epoch(number)))
    }
    tell(.ended(.completed))
    return screen
  }

  @Test("lines: one an epoch, and about twenty when there are many")
  func lines() {
    let few = run(.automatic, epochs: 3, isTerminal: false)
    #expect(few.lines.count == 3)
    #expect(few.lines[2] == "epoch 3/3  loss 0.01235  validation 0.25  accuracy 0.5, validation 0.75")
    #expect(run(.lines, epochs: 20, isTerminal: true).lines.count == 20)
    #expect((20...22).contains(run(.lines, epochs: 1000, isTerminal: false).lines.count))
    #expect(
      run(.lines, epochs: 1000, isTerminal: false, stopAfter: 333).lines.last?.hasPrefix("epoch 333/1000") == true)
  }

  @Test("a bar: one line that changes, with the time left, closed at the end")
  func bar() {
    let screen = run(.automatic, epochs: 4, isTerminal: true)
    #expect(screen.lines.count == 1 && screen.text.hasSuffix("\n"))
    let states = screen.text.split(separator: "\r")
    #expect(states[0].hasPrefix("epoch 1/4  ░░░░"))
    #expect(states[19].contains("████████░░░░░░░░"))
    #expect(states[19].contains("loss 0.5  validation 0.25  0:20 left"))
    #expect(states.last?.hasPrefix("epoch 4/4  loss 0.01235") == true)
  }

  @Test("a bar never grows longer than a line of the terminal")
  func narrowTerminal() {
    let states = run(.bar, epochs: 2, isTerminal: true, columns: 30).text.split(separator: "\r")
    #expect(states.count > 10)
    #expect(states.allSatisfy { $0.split(separator: "\u{1B}")[0].count <= 29 })
  }

  @Test("numbers have four digits, times minutes and seconds")
  func texts() {
    #expect(shortText(123456) == "123500.0" && shortText(0.000123456) == "0.0001235" && shortText(0) == "0.0")
    #expect(shortText(-1.5) == "-1.5" && shortText(.nan) == "nan")
    #expect(durationText(7) == "0:07" && durationText(754) == "12:34" && durationText(3723) == "1:02:03")
  }
}
