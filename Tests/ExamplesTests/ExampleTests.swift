import Refrain
import Testing

@testable import EveryStepClassifier
@testable import ExplicitLoop
@testable import FromScratch
@testable import SequenceClassifier
@testable import SeriesWindows
@testable import StackedRegressor

@Suite("The example programs learn what they say")
struct ExampleTests {
  @Test("EveryStepClassifier remembers the symbol two steps before")
  func everyStep() throws {
    let (history, test) = try everyStepClassifier()
    #expect(history.losses.last! < 0.2 * history.losses[0])
    #expect(test.metrics["accuracy"]! > 0.97)
  }

  @Test("StackedRegressor learns a moving average")
  func stacked() throws {
    let (history, predictions, truth) = try stackedRegressor()
    #expect(history.epochs.count == 10)
    #expect(history.losses.last! < 0.2 * history.losses[0])
    #expect(predictions.shape == [100, 1])
    let mean = truth.mean().item
    let variance = (truth - mean).squared.mean().item
    #expect(Loss.meanSquaredError(predictions, truth).item < 0.1 * variance)
  }

  @Test("SeriesWindows forecasts the airline series better than repeating the month before")
  func windows() throws {
    let (history, error, naiveError) = try seriesWindows()
    #expect(history.epochs.count == 100)
    #expect(history.losses.last! < 0.5 * history.losses[0])
    #expect(error < 0.7 * naiveError)
    #expect(abs(naiveError - 51.782) < 0.001)
  }

  @Test("SequenceClassifier tells waves apart")
  func sequence() throws {
    let (history, test) = try sequenceClassifier()
    #expect(history.losses.last! < 0.5 * history.losses[0])
    #expect(history.validationMetric("accuracy").last! > 0.95)
    #expect(test.metrics["accuracy"]! > 0.95)
  }

  @Test("ExplicitLoop learns a mean, and its model has the parameters of its parts")
  func loop() {
    let (losses, model) = explicitLoop()
    #expect(losses.last! < 0.3 * losses[0])
    #expect(model.parameterCount == 4 * 64 * (10 + 64 + 1) + 64 + 1)
    #expect(
      model.namedTensors.map(\.name) == [
        "lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "linear.weight", "linear.bias",
      ])
  }

  @Test("FromScratch gives the layer's numbers")
  func scratch() {
    let (differences, losses) = fromScratch()
    #expect(differences.count == 5)
    for (name, difference) in differences {
      #expect(difference < 1e-6, "\(name)")
    }
    #expect(losses[1] < losses[0])
  }
}
