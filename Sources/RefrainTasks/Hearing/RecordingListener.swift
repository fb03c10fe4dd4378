import Refrain
import RefrainData
import RefrainFoundation

/// A trained model of recordings that answers while one comes: what comes becomes steps, somebody runs the networks on
/// these, and what they say is made an answer to what was heard so far. At the end all of it is answered as a file is.
///
/// A transcriber normalizes by the means of the whole recording, which are known at its end: until then those of what
/// has come stand in their place.
package struct RecordingListener: Sendable {
  private enum Model {
    case transcriber(Transcriber)
    case classifier(Classifier, RecordingColumn, parts: [SequencePart])
  }

  private let model: Model
  /// How what comes becomes rows.
  package let encoding: SoundEncoding
  let stacking: Int
  /// The networks, each from a step to what is said of it.
  package let chains: [Sequential]
  /// How long a recording may be, in seconds.
  package let longest: Double

  /// - Throws: Why recordings cannot be answered as they come.
  package init(_ transcriber: Transcriber) throws(TaskError) {
    guard transcriber.plan.isLive else { throw Self.readsBothWays("--live") }
    model = .transcriber(transcriber)
    (encoding, stacking) = (transcriber.plan.encoding, transcriber.plan.stacking)
    let network = transcriber.transcriptionNetwork
    chains = [
      Sequential(inputShape: [nil, nil, transcriber.plan.inputSize], builtLayers: [network.recurrent, network.head])
    ]
    longest = UtteranceReader.longest
  }

  /// nil for a classifier that reads something else than recordings, or something beside them.
  ///
  /// - Throws: Why recordings cannot be answered as they come.
  package init?(_ classifier: Classifier) throws(TaskError) {
    guard classifier.columns.encoders.count == 1,
      let column = classifier.columns.encoders[0].encoder as? RecordingColumn, classifier.linear.share == 0
    else { return nil }
    let parts = classifier.networks.compactMap { $0.parts.first as? SequencePart }
    guard !classifier.plan.isBidirectional, parts.count == classifier.networks.count else {
      throw Self.readsBothWays("--forward")
    }
    model = .classifier(classifier, column, parts: parts)
    (encoding, stacking) = (column.encoding, column.stacking)
    chains = parts.map { part in
      Sequential(inputShape: [nil, nil, column.encoding.width * column.stacking], builtLayers: [part.recurrent])
    }
    longest = RecordingColumn.longest
  }

  private static func readsBothWays(_ flag: String) -> TaskError {
    TaskError(
      "its network reads a recording from both ends, so that it needs all of it", remedy: "train it with \(flag)")
  }

  /// The part of a network that reads recordings; only of a classifier.
  func part(_ network: Int) -> SequencePart? {
    if case .classifier(_, _, let parts) = model { parts[network] } else { nil }
  }

  /// The numbers of symbols.
  var symbolRange: Range<Int> {
    if case .transcriber(let transcriber) = model { 0..<transcriber.plan.symbols.count } else { 0..<0 }
  }

  // MARK: - Hearing

  /// Before a recording.
  package func begin() -> HeardRecording {
    let said: HeardRecording.Said =
      switch model {
      case .transcriber: .symbols([], last: 0)
      case .classifier: .pooled(PooledSteps())
      }
    return HeardRecording(
      intake: SoundIntake(encoding), moments: FeatureMoments(width: encoding.width), said: chains.map { _ in said })
  }

  /// How much has come, in seconds.
  package func seconds(of heard: HeardRecording) -> Double { Double(heard.units) * encoding.unitPeriod }

  /// Takes what comes next.
  ///
  /// - Parameter values: whole units (``SoundEncoding/unit``), one after the other.
  /// - Returns: the steps for the networks that are whole now, one after the other.
  package func hear(_ values: [Float], _ heard: inout HeardRecording) -> [Float] {
    heard.units += values.count / encoding.unit
    heard.rows += heard.intake.add(values)
    let width = encoding.width
    var steps: [Float] = []
    while (heard.read + stacking) * width <= heard.rows.count {
      let next = FeatureFrames(
        Array(heard.rows[heard.read * width..<(heard.read + stacking) * width]), width: width)
      heard.moments.add(next)
      heard.read += stacking
      switch model {
      case .transcriber: steps += next.normalized(by: heard.moments).values
      case .classifier(_, let column, _): steps += column.normalized(next).values
      }
    }
    return steps
  }

  /// Takes what a network says of the steps.
  ///
  /// - Parameter outputs: of all steps, one after the other.
  package func take(_ outputs: [Float], of network: Int, _ heard: inout HeardRecording) {
    guard !outputs.isEmpty else { return }
    switch (model, heard.said[network]) {
    case (.transcriber, .symbols(var symbols, var last)):
      for start in stride(from: 0, to: outputs.count, by: symbolRange.count) {
        // The blank, 0, of what is no number.
        let logits = outputs[start..<start + symbolRange.count]
        let best = (logits.indices.max { logits[$0] < logits[$1] } ?? start) - start
        if best != 0, best != last { symbols.append(best) }
        last = best
      }
      heard.said[network] = .symbols(symbols, last: last)
    case (.classifier(_, _, let parts), .pooled(var pooled)):
      parts[network].add(outputs, to: &pooled)
      heard.said[network] = .pooled(pooled)
    default: break
    }
  }

  // MARK: - Answers

  /// What there is to say of it so far, as a value of JSON: of a transcriber the likeliest symbols, of a classifier
  /// its answer to what has come; `null` before the first step.
  package func answer(to heard: HeardRecording) -> String {
    switch (model, heard.said.first) {
    case (.transcriber(let transcriber), .symbols(let symbols, _)):
      return JSON.object([("text", .text(transcriber.plan.text(symbols)))]).line
    case (.classifier(let classifier, _, let parts), _):
      var features: [Tensor] = []
      for (part, said) in zip(parts, heard.said) {
        guard case .pooled(let pooled) = said, let feature = part.features(of: pooled) else { return "null" }
        features.append(feature)
      }
      return (try? JSON(encoding: classifier.answer(features: features)))?.line ?? "null"
    default: return "null"
    }
  }

  /// What there is to say of all of it, as a value of JSON: the answer of the task, to the last bit.
  ///
  /// - Throws: ``TaskError`` for a recording that is shorter than a frame, or when the task that this runs in is
  ///   canceled.
  package func finalAnswer(to heard: HeardRecording) throws(TaskError) -> String {
    let frames = FeatureFrames(heard.rows + heard.intake.finished(), width: encoding.width)
    guard frames.count > 0 else { throw TaskError("the recording is shorter than a frame", remedy: "send more of it") }
    do {
      switch model {
      case .transcriber(let transcriber):
        let one = Utterance(name: "recording.wav", frames: frames)
        let all = Utterances(all: [one], encoding: encoding, notes: [])
        return try JSON(encoding: transcriber.transcriptions(all, width: nil)[0]).line
      case .classifier(let classifier, let column, _):
        let steps = FeatureFrames.batch([column.normalized(frames).stacked(stacking)])
        return try JSON(encoding: classifier.answer(to: [steps])).line
      }
    } catch let error as TaskError {
      throw error
    } catch {
      throw TaskError("the answer cannot be written: \(error)")
    }
  }
}

extension Classifier {
  /// The answer to one row, whose columns are values.
  fileprivate func answer(to inputs: [StepValues]) -> ClassAnswer {
    answer(scores: networks.map { $0(inputs) })
  }

  /// The answer to one row of which the part of each network has made features, `[1, F]`.
  fileprivate func answer(features: [Tensor]) -> ClassAnswer {
    answer(scores: zip(networks, features).map { $0.said([$1]) })
  }

  /// The answer by the scores of each network, `[1, C]`: the same sums as of many rows.
  private func answer(scores: [Tensor]) -> ClassAnswer {
    let sums = scores.dropFirst().reduce(scores[0]) { $0 + $1 }
    let means = sums * (1 / Float(scores.count))
    return answer(Self.probabilities(means.values, calibration, labels)[0], threshold: nil)
  }
}
