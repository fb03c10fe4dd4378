import RefrainKernels

extension Loss {
  /// −t log σ(x) − (1 − t) log(1 − σ(x)) for logits x and targets t from 0 to 1, in a form that does not overflow:
  /// max(x, 0) − x t + log(1 + e^−|x|). Its gradient is σ(x) − t.
  public static let binaryCrossEntropy = Loss("binary cross entropy", prediction: .logits) { logits, target in
    let x = logits.detached
    let value = relu(x) - x * target + softplus(-abs(x))
    return value.recording((logits, { $0 * (sigmoid(x) - target) }))
  }

  /// −Σ t log softmax(x) for logits x `[…, C]`; targets are class indices `[…]` or rows of probabilities `[…, C]`, told
  /// apart by their shape.
  ///
  /// - Parameter smoothing: the part of each target that is spread evenly over all classes (Szegedy et al. 2016).
  public static func crossEntropy(smoothing: Float = 0) -> Loss {
    require((0..<1).contains(smoothing), "cross entropy: the smoothing is \(smoothing), and must be in 0 ..< 1")
    return Loss("cross entropy", target: .classes, prediction: .logits) { logits, target in
      crossEntropy(of: logits, target, smoothing: smoothing)
    }
  }

  /// The cross entropy `[N]` of logits `[N, C]`.
  private static func crossEntropy(of logits: Tensor, _ target: Tensor, smoothing: Float) -> Tensor {
    let classes = classCount(logits, "cross entropy")
    if target.shape[1] == 1 {
      let indices = target.classIndices(below: classes, for: "cross entropy")
      return indexedCrossEntropy(logits, indices, smoothing: smoothing)
    }
    let smoothed = smoothing == 0 ? target : target * (1 - smoothing) + smoothing / Float(classes)
    return -(smoothed * logits.logSoftmax()).sum(axes: [1])
  }

  /// The same without smoothing, for metrics.
  static let crossEntropyOfRows: Rows = { crossEntropy(of: $0, $1, smoothing: 0) }

  /// ``crossEntropy(smoothing:)`` without smoothing.
  public static let crossEntropy: Loss = crossEntropy(smoothing: 0)

  /// −Σ t log p for probabilities p `[…, C]`, as a layer with ``Activation/softmax`` gives them; targets are class
  /// indices `[…]` or rows of probabilities `[…, C]`. As in Keras, p is first brought into 1e-7 … 1 − 1e-7.
  public static let categoricalCrossEntropy = Loss(
    "categorical cross entropy", target: .classes, prediction: .probabilities
  ) { prediction, target in
    let classes = classCount(prediction, "categorical cross entropy")
    let logarithms = log(prediction.clamped(1e-7...1 - 1e-7))
    if target.shape[1] > 1 { return -(target * logarithms).sum(axes: [1]) }
    let indices = target.classIndices(below: classes, for: "categorical cross entropy")
    let places = indices.enumerated().map { $0 * classes + $1 }
    let picked = logarithms.detached.reshaped([prediction.count, 1]).gatheringRows(places)
    func pullback(_ gradient: Tensor) -> Tensor {
      gradient.reshaped([places.count, 1]).scatteringRows(to: places, count: prediction.count)
        .reshaped(prediction.shape)
    }
    return -picked.recording((logarithms, pullback))
  }

  private static func classCount(_ prediction: Tensor, _ name: String) -> Int {
    let classes = prediction.shape[1]
    require(classes > 1, "\(name): the prediction has one class; for two of them use binaryCrossEntropy")
    return classes
  }
}

/// The cross entropy `[N]` of logits `[N, C]` and class indices. The gradient takes the place of the logits, where
/// nobody else holds them.
private func indexedCrossEntropy(_ logits: Tensor, _ indices: [Int], smoothing: Float) -> Tensor {
  let (rows, columns) = (logits.shape[0], logits.shape[1])
  let (maxima, sums) = (Storage(count: rows), Storage(count: rows))
  func forEachPart(of logits: UnsafePointer<Float>, _ body: (_ row: Int, _ arguments: CrossEntropyArguments) -> Void) {
    indices.withUnsafeBufferPointer { indices in
      guard let indices = indices.baseAddress else { return }
      parallel(rows, grain: max(1, Tensor.functionGrain / columns)) { part in
        let row = part.lowerBound
        let arguments = CrossEntropyArguments(
          rows: part.count, columns: columns, logits: logits + row * columns, targets: indices + row,
          smoothing: smoothing, maxima: maxima.pointer + row, sums: sums.pointer + row)
        body(row, arguments)
      }
    }
  }
  let losses = Tensor([rows]) { losses in
    logits.read { logits in
      forEachPart(of: logits) { row, arguments in kernels.crossEntropyRows(arguments, losses + row) }
    }
  }
  // A gradient is asked for once: the record is then the last to hold the logits, and gives them away.
  var kept: Tensor? = logits.detached
  func pullback(_ gradient: Tensor) -> Tensor {
    guard var values = kept.take() else { fatalError("the gradient of a cross entropy was asked for twice") }
    values.write { values in
      gradient.read { factors in
        forEachPart(of: values) { row, arguments in
          kernels.crossEntropyGradientRows(arguments, factors + row, values + row * columns)
        }
      }
    }
    return values
  }
  return losses.recording((logits, pullback))
}
