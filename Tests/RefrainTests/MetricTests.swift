import Refrain
import Testing

@Suite("Metrics") struct MetricTests {
  private let scores = Tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
  private let classes = Tensor([1, 1, 2, 0])

  @Test("accuracy counts the rows whose highest score is at the right class")
  func accuracy() {
    #expect(Metric.accuracy(scores, classes) == 0.5)
    let oneHot = Tensor([[0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    #expect(Metric.accuracy(scores, oneHot) == 0.5)
    #expect(Metric.accuracy(scores, classes, weights: Tensor([1, 0, 1, 2])) == 0.5)
    #expect(Metric.accuracy(scores, classes, weights: Tensor([3, 0, 0, 1])) == 0.75)
  }

  @Test("binary accuracy has its threshold at 0 for logits, and where it is told for probabilities")
  func binaryAccuracy() {
    #expect(Metric.accuracy(Tensor([[-1], [2], [0.3]]), Tensor([0, 1, 0])) == Float(2) / 3)
    #expect(Metric.accuracy(threshold: 0.5)(Tensor([[0.1], [0.9], [0.3]]), Tensor([0, 1, 0])) == 1)
    #expect(Metric.accuracy(threshold: 0.5)(Tensor([[0.1, 0.9]]), Tensor([[1, 1]])) == 0.5)
  }

  @Test("top accuracy counts the rows whose class is among the highest scores")
  func topAccuracy() {
    #expect(Metric.topAccuracy(1)(scores, classes) == 0.5)
    #expect(Metric.topAccuracy(2)(scores, classes) == 1)
    #expect(Metric.topAccuracy(2)(scores, Tensor([0, 2, 0, 0])) == 0.25)
  }

  @Test("precision, recall and F1 of a class")
  func precisionRecall() {
    // Guesses 1 0 2 1, truths 1 1 2 0.
    #expect(Metric.precision(scores, classes) == 0.5)
    #expect(Metric.recall(scores, classes) == 0.5)
    #expect(Metric.f1(scores, classes) == 0.5)
    #expect(Metric.precision(of: 2)(scores, classes) == 1)
    #expect(Metric.recall(of: 0)(scores, classes) == 0)
    #expect(Metric.precision(of: 0)(scores, Tensor([1, 1, 2, 2])) == 0, "no row of the class is found")
    // Guesses 1 1 1 0, truths 1 0 0 1.
    let (logits, truths) = (Tensor([[3], [1], [2], [-1]]), Tensor([1, 0, 0, 1]))
    #expect(Metric.precision(logits, truths) == Float(1) / 3)
    #expect(Metric.recall(logits, truths) == 0.5)
    #expect(agree([Metric.f1(logits, truths)], [0.4]))
    #expect(Metric.recall(of: 0, threshold: 2.5)(logits, truths) == 1)
  }

  @Test("perplexity of even scores is the number of classes")
  func perplexity() {
    #expect(agree([Metric.perplexity(.zeros([2, 7]), Tensor([3, 0]))], [7]))
  }

  @Test("errors of values")
  func errors() {
    let (prediction, target) = (Tensor([[1, 2], [3, 0]]), Tensor([[1, 4], [6, 0]]))
    #expect(Metric.meanAbsoluteError(prediction, target) == 1.25)
    #expect(agree([Metric.rootMeanSquaredError(prediction, target)], [1.8027756]))
    let percentage = Metric.symmetricMeanAbsolutePercentageError(prediction, target)
    // The values: 0, 400 / 6, 600 / 9, and 0 for 0 against 0.
    #expect(agree([percentage], [33.333333]))
  }

  @Test("streamed over batches a metric equals itself over all at once")
  func streaming() {
    var generator = RandomGenerator(seed: 5)
    let logits = Tensor.normal([23, 4], using: &generator)
    let classes = Tensor((0..<23).map { $0 * 7 % 4 })
    let target = Tensor.normal([23, 4], using: &generator)
    let weights = Tensor((0..<23).map { Float($0 % 3) })
    let cases: [(Metric, Tensor)] = [
      (.accuracy, classes), (.topAccuracy(2), classes), (.perplexity, classes), (.precision, classes),
      (.recall(of: 2), classes), (.f1, classes), (.meanAbsoluteError, target), (.rootMeanSquaredError, target),
      (.symmetricMeanAbsolutePercentageError, target),
    ]
    for (metric, target) in cases {
      var total = Metric.Total(metric)
      for batch in Batches(Batch(logits, target, weights: weights), size: 5) {
        total.add(batch.input, batch.target, weights: batch.weights)
      }
      let whole = metric(logits, target, weights: weights)
      #expect(abs(total.value - whole) <= 1e-6 * abs(whole), "\(metric.name)")
    }
  }

  @Test("steps past the lengths do not count")
  func lengths() {
    var logits = Tensor.zeros([2, 3, 2])
    let classes = Tensor([0, 1, 1, 1, 0, 0], shape: [2, 3])
    logits[0, 0, 0] = 1
    logits[0, 1, 0] = 1
    logits[1, 0, 1] = 1
    for (row, step) in [(0, 2), (1, 1), (1, 2)] { logits[row, step, 0] = .nan }
    #expect(Metric.accuracy(logits, classes, lengths: [2, 1]) == Float(2) / 3)
    #expect(Metric.perplexity(logits, classes, lengths: [2, 1]).isFinite)
    #expect(
      Metric.meanAbsoluteError(Tensor([[1, .nan], [2, 5]]), Tensor([[0, 0], [0, 0]]), lengths: [1, 2]) == Float(8) / 3)
  }

  @Test("errors of forecasts over plain arrays")
  func forecasts() {
    let (actual, forecast) = ([2.0, 4, 0], [1.0, 4, 0])
    #expect(ForecastErrors.meanAbsolute(actual: actual, forecast: forecast) == 1 / 3.0)
    #expect(ForecastErrors.rootMeanSquared(actual: actual, forecast: forecast) == (1 / 3.0).squareRoot())
    #expect(abs(ForecastErrors.symmetricPercentage(actual: actual, forecast: forecast) - 200 / 9.0) < 1e-12)
    #expect(ForecastErrors.symmetricPercentage(actual: [Float(1)], forecast: [-1]) == 200)
    // One season ago, history errs by 2, 2, 4.
    let history = [1.0, 5, 3, 7, 7]
    #expect(ForecastErrors.scaled(actual: actual, forecast: forecast, history: history, season: 2) == 0.125)
    #expect(ForecastErrors.scaled(actual: actual, forecast: forecast, history: [1, 1]) == .infinity)
    #expect(ForecastErrors.scaled(actual: actual, forecast: actual, history: [1, 1]) == 0)
  }
}
