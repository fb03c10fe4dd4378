import Refrain
import RefrainData
import RefrainFoundation

/// A folder in which a training is saved now and then, so that one that is killed goes on to the same bits.
///
/// Each file in it is a model that can predict, with the training in it that made it. A task that trains several times,
/// such as a forecaster before and after its backtest, has files of each stage: the end of every stage that is done,
/// and the last ones of the stage that goes on. Files appear whole or not at all, so that at every moment the newest
/// one is true.
public struct CheckpointFolder: Sendable, Equatable {
  /// How often a training is saved, besides at its end and when it is asked to stop.
  public enum Interval: Sendable, Equatable {
    /// After so many seconds, at the next update.
    case seconds(Double)
    /// After so many updates.
    case steps(Int)
    /// After so many epochs.
    case epochs(Int)
  }

  /// Where the files are.
  public var path: String
  /// How often they are written.
  public var every: Interval
  /// How many of the last ones are kept.
  public var kept: Int
  /// Whether training goes on from the newest file of the stage; otherwise it begins anew, and other files are left.
  public var resumes: Bool

  /// A folder that exists.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - every: How often a file is written.
  ///   - kept: How many of the last files are kept, at least 1.
  ///   - resumes: Whether training goes on from the newest file.
  public init(_ path: String, every: Interval = .seconds(300), keeping kept: Int = 3, resumes: Bool = false) {
    precondition(kept > 0, "at least one checkpoint is kept")
    self.path = path
    self.every = every
    self.kept = kept
    self.resumes = resumes
  }

  /// Whether there is a checkpoint of any stage.
  public var holdsTraining: Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.contains { $0.hasSuffix(Self.ending) && $0.contains("-") }
  }

  /// The files of a stage with their numbers, from the oldest to the newest.
  private func files(of stage: String) -> [(step: Int, path: String)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let start = stage + "-"
    let steps = names.compactMap { name -> (step: Int, path: String)? in
      guard name.hasPrefix(start), name.hasSuffix(Self.ending) else { return nil }
      return Int(name.dropFirst(start.count).dropLast(Self.ending.count)).map { ($0, path + "/" + name) }
    }
    return steps.sorted { $0.step < $1.step }
  }

  /// The newest checkpoint of a stage that can be read; nil where there is none. Training goes on from an older one to
  /// the same bits, so that one which the disk has damaged is passed over.
  ///
  /// - Parameter warn: Told of damaged files.
  /// - Throws: What reading the newest throws, where no other can be read; `wrongInput` where there are checkpoints and
  ///   training is not to go on from them.
  func newest(of stage: String, warn: ((String) -> Void)?) throws(DataError) -> Checkpoint? {
    var failure: DataError?
    for file in files(of: stage).reversed() {
      guard resumes else {
        throw DataError(
          .wrongInput, file: path, "there is a training in this folder already",
          remedy: "go on with it, or name another folder")
      }
      do throws(DataError) {
        return try Checkpoint(contentsOf: file.path)
      } catch {
        warn?("A checkpoint cannot be read, and the one before it is taken: \(error)")
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return nil
  }

  /// Writes a checkpoint, and removes those of the stage that are no longer kept.
  func write(_ checkpoint: Checkpoint, step: Int) throws(DataError) {
    let hasEnded = checkpoint.history != nil
    // The end of a stage stands after all of its steps.
    let digits = String(hasEnded ? (files(of: checkpoint.stage).last?.step ?? 0) + 1 : step)
    let number = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    try checkpoint.file.write(to: "\(path)/\(checkpoint.stage)-\(number)\(Self.ending)")
    for old in files(of: checkpoint.stage).dropLast(hasEnded ? 1 : kept) {
      try? FileManager.default.removeItem(atPath: old.path)
    }
  }

  private static let ending = ".model"

  /// The size of batches that memory had room for where the training began, which goes on with it; nil where none is
  /// kept.
  ///
  /// - Throws: `wrongInput` for a file that says no size.
  func keptBatchSize() throws(DataError) -> Int? {
    guard FileManager.default.fileExists(atPath: batchFile) else { return nil }
    let text = String(decoding: try readFile(batchFile), as: UTF8.self)
    guard let size = Int(text.filter { !$0.isWhitespace }), BatchSize.sizes ~= size else {
      throw DataError(
        .wrongInput, file: batchFile, "this is no size of batches from 1 to \(BatchSize.sizes.upperBound)",
        remedy: "write the size there that the training began with")
    }
    return size
  }

  /// Keeps the size of batches.
  func keep(batchSize: Int) throws(DataError) { try writeAtomically("\(batchSize)", to: batchFile) }

  private var batchFile: String { path + "/batch-size.txt" }
}
