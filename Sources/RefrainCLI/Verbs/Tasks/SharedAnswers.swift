import Refrain
import RefrainData
import RefrainFoundation
import RefrainTasks

/// Answers that processes which were started together share: each reads everything and answers a part of it, and the
/// first is handed the answers of all, in their order.
///
/// They meet when all have read, and when all have their answers or know why not: an error of one is told by the first,
/// and none waits for another that has left.
struct SharedAnswers {
  let group: any TrainingGroup
  /// The file of the model, which must be the same for all; nil where there is none.
  let model: String?

  /// What one process has to say.
  fileprivate enum Said {
    case answers([JSON])
    /// Its examples cannot be shared.
    case undivided
    /// It could not read what all read, or not answer its share.
    case failure(CommandFailure, isInReading: Bool)
  }

  /// All answers.
  ///
  /// - Parameters:
  ///   - read: Reads what is needed to answer: all processes do it, and meet the same errors in it.
  ///   - common: A number that follows from what was read, by which they know that all have read the same.
  ///   - learn: What they do together before they answer. An error in it is thrown as it is, by each that meets it: the
  ///     end of one ends the others.
  ///   - answer: The answers to a share; nil where they cannot be shared, which all find out.
  ///   - alone: The answers to all, where they cannot be shared.
  /// - Returns: The answers, in the first process; nil in the others, which are done.
  /// - Throws: What the first process met, or what another one told it. The others throw nothing of this.
  func answers<Work>(
    reading read: () throws -> Work, common: (Work) -> UInt64 = { _ in 0 },
    learning learn: (Work) throws -> Work = { $0 }, sharing answer: (Work, ExampleShare) throws -> [JSON]?,
    alone: (Work) throws -> [JSON]
  ) throws -> [JSON]? {
    var work = Result { try read() }
    let number = (try? work.get()).map(common)
    let states = try exchanging { () throws(TrainingError) in
      try group.gather([number == nil ? 0 : 1, number ?? 0])
    }
    // The first that has not read what the first process has: nobody works then.
    let odd = states.firstIndex { $0 != states[0] }
    if odd == nil, case .success(let examples) = work { work = .success(try learn(examples)) }
    let own = Result { () -> [JSON]? in
      let examples = try work.get()
      return odd == nil ? try answer(examples, ExampleShare(group.rank, of: group.count)) : nil
    }
    let all = try exchanging { () throws(TrainingError) in try meet(said(own, hasRead: (try? work.get()) != nil)) }
    guard group.isFirst else { return nil }
    // What the first met itself it tells as one process would.
    let found = try own.get()
    if found == nil, odd == nil { return try alone(work.get()) }
    var answers = found ?? []
    for (rank, said) in all.enumerated().dropFirst(odd ?? 1) {
      switch said {
      case .answers(let others)?: answers += others
      case .failure(let failure, isInReading: false)?: throw failure
      // The first could read it: that machine is what differs.
      case .failure(let failure, isInReading: true)?:
        throw CommandFailure(
          status: failure.status, message: "\(group.name(of: rank).sanitized): \(failure.message)")
      case .undivided?, nil:
        throw CommandFailure(
          status: EX_SOFTWARE,
          message: "\(group.name(of: rank)) has other examples; give all machines the same files".sanitized)
      }
    }
    return answers
  }

  private func said(_ own: Result<[JSON]?, any Error>, hasRead: Bool) -> Said {
    switch own {
    case .success(let answers?): .answers(answers)
    case .success(nil): .undivided
    case .failure(let error): .failure(CommandFailure(telling: error), isInReading: !hasRead)
    }
  }

  /// What all have to say, in the first process; nothing in the others.
  private func meet(_ own: Said) throws(TrainingError) -> [Said?] {
    let instructions = InstructionSet.allCases.firstIndex(of: .current) ?? 0
    let facts = try group.gather([UInt64(instructions), fingerprint])
    let all = try group.gather(bytes: group.isFirst ? [] : own.json.bytes, everywhere: false)
      .map { JSON(bytes: $0).flatMap(Said.init) }
    // One that could not read the model has none to compare.
    guard group.isFirst, all.dropFirst().allSatisfy({ $0?.hasRead ?? false }), own.hasRead else { return all }
    for (place, problem) in Self.problems.enumerated() {
      guard let rank = facts.indices.first(where: { facts[$0][place] != facts[0][place] }) else { continue }
      throw TrainingError(.exchangeFailed, "\(group.name(of: rank)) \(problem)")
    }
    return all
  }

  private static let problems = [
    "computes with other instructions; set REFRAIN_ISA to what all processors have, such as avx2, on all machines",
    "has another model; give all machines the same file",
  ]

  /// A number that changes with every byte of the model; 0 where there is none.
  private var fingerprint: UInt64 {
    guard let model, let data = try? Data(contentsOf: URL(fileURLWithPath: model), options: .mappedIfSafe) else {
      return 0
    }
    return data.withUnsafeBytes { bytes in
      var print = Fingerprint()
      print.add(UInt64(bytes.count))
      for start in stride(from: 0, to: bytes.count & ~7, by: 8) {
        print.add(bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      }
      for byte in bytes[(bytes.count & ~7)...] { print.add(UInt64(byte)) }
      return print.value
    }
  }
}

extension SharedAnswers.Said {
  /// What is handed to the first process.
  fileprivate var json: JSON {
    switch self {
    case .answers(let answers): .array(answers)
    case .undivided: .null
    case .failure(let failure, let isInReading):
      ["status": .integer(failure.status), "message": .text(failure.message), "isInReading": .bool(isInReading)]
    }
  }

  /// What another process has handed over; nil where it cannot be that.
  fileprivate init?(_ json: JSON) {
    switch json {
    case .array(let answers): self = .answers(answers)
    case .null: self = .undivided
    case .object(let fields):
      guard fields.count == 3, case .integer(let status) = fields[0].value, case .text(let message) = fields[1].value,
        case .bool(let isInReading) = fields[2].value
      else { return nil }
      self = .failure(CommandFailure(status: Int32(clamping: status), message: message), isInReading: isInReading)
    default: return nil
    }
  }

  fileprivate var hasRead: Bool { if case .failure(_, isInReading: true) = self { false } else { true } }
}

extension CommandFailure {
  /// What the program would say of an error, for another process to say it.
  fileprivate init(telling error: any Error) {
    switch error {
    case let failure as CommandFailure: self = failure
    case let error as DataError: self.init(MemoryOptions.naming(error))
    case let error as any InputError: self.init(error)
    default: self.init(status: EX_SOFTWARE, message: "\(error)".sanitized)
    }
  }
}

/// What processes hand to one another; an error of it is a fault of theirs, or of what is between them.
func exchanging<Result>(_ body: () throws(TrainingError) -> Result) throws(CommandFailure) -> Result {
  do throws(TrainingError) { return try body() } catch {
    throw CommandFailure(status: EX_SOFTWARE, message: error.description.sanitized)
  }
}
