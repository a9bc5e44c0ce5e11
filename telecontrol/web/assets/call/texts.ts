/** The words of the call, in French and in English. A page may hand in its own for any of them. */
import type { Problem } from "./types";

export interface Texts {
  microphone: string;
  microphoneOff: string;
  camera: string;
  cameraOff: string;
  soundOnly: string;
  soundOnlyOff: string;
  leave: string;
  finish: string;
  switchCamera: string;
  you: string;
  remotePicture: string;
  microphoneLevel: string;
  phone: string;
  join: string;
  retry: string;
  retryDevices: string;
  resume: string;
  rejoin: string;
  playSound: string;
  copyLink: string;
  copied: string;
  admit: string;
  /** `{minutes}` */
  later: string;
  /** `{minutes}`, told to the doctor once said. */
  laterSaid: string;
  peerCameraOff: string;
  peerMicrophoneOff: string;
  socketLost: string;
  insured: RoleTexts;
  doctor: RoleTexts;
  problem: Record<Problem, [title: string, text: string]>;
  /** What is said of a problem on the other side. */
  peerProblem: Record<Problem, string>;
  refused: Record<string, string>;
}

export interface RoleTexts {
  ready: [string, string];
  connecting: string;
  waiting: [string, string];
  /** `{minutes}` */
  delay: string;
  /** The other is expected; `{time}` where the other side waits. */
  peerWaiting: [string, string];
  peerAbsent: [string, string];
  peerAway: string;
  admitted: [string, string];
  connected: string;
  live: string;
  poor: string;
  reconnecting: string;
  takeover: [string, string];
  left: [string, string];
  finished: [string, string];
  closed: [string, string];
  failed: [string, string];
  notOpen: [string, string];
  notAllowed: [string, string];
}

export type Language = "fr" | "en";

const fr: Texts = {
  microphone: "Couper le micro",
  microphoneOff: "Remettre le micro",
  camera: "Couper la caméra",
  cameraOff: "Remettre la caméra",
  soundOnly: "Son seul",
  soundOnlyOff: "Remettre l’image",
  leave: "Quitter",
  finish: "Terminer l’appel",
  switchCamera: "Changer de caméra",
  you: "Vous",
  remotePicture: "Image de votre interlocuteur",
  microphoneLevel: "Niveau de votre micro",
  phone: "Un problème ? Appelez le",
  join: "Entrer",
  retry: "Réessayer",
  retryDevices: "J’ai autorisé, réessayer",
  resume: "Reprendre ici",
  rejoin: "Revenir dans l’appel",
  playSound: "Activer le son",
  copyLink: "Copier l’adresse de la page",
  copied: "Adresse copiée",
  admit: "Faire entrer",
  later: "Dans {minutes} min",
  laterSaid: "L’assuré est prévenu : environ {minutes} minutes d’attente.",
  peerCameraOff: "Caméra coupée",
  peerMicrophoneOff: "Micro coupé",
  socketLost: "Liaison avec le service interrompue, l’appel continue.",
  insured: {
    ready: ["Vous pouvez entrer", "Votre navigateur va vous demander d’utiliser la caméra et le micro."],
    connecting: "Connexion en cours…",
    waiting: [
      "Le médecin est prévenu de votre arrivée",
      "Restez sur cette page : l’appel commencera ici. Si votre téléphone se verrouille, déverrouillez-le, votre place est gardée.",
    ],
    delay: "Le médecin a un peu de retard : environ {minutes} minutes. Merci de patienter.",
    peerWaiting: ["Vous êtes en salle d’attente", ""],
    peerAbsent: ["Le médecin s’est absenté", "Restez sur cette page, l’appel reprendra tout seul."],
    peerAway: "La connexion du médecin est coupée, elle devrait revenir.",
    admitted: ["Le médecin vous fait entrer", "L’image arrive."],
    connected: "Connecté, l’image arrive…",
    live: "En appel avec le médecin",
    poor: "La connexion est faible. Si l’image se fige, choisissez « Son seul ».",
    reconnecting: "Connexion interrompue, nous la rétablissons…",
    takeover: ["L’appel est ouvert ailleurs", "Vous l’avez ouvert dans un autre onglet ou sur un autre appareil."],
    left: ["Vous avez quitté l’appel", "Vous pouvez revenir tant que le rendez-vous n’est pas terminé."],
    finished: ["L’appel est terminé", "Le médecin a terminé l’appel."],
    closed: ["Le rendez-vous est terminé", "Il n’y a rien d’autre à faire ici."],
    failed: [
      "L’image et le son ne passent pas",
      "Votre réseau bloque sans doute la vidéo. Réessayez, ou appelez le numéro ci-dessous : ce problème technique ne vous sera pas reproché.",
    ],
    notOpen: ["Il est un peu tôt", "L’appel n’est pas encore ouvert. Revenez à l’heure de votre rendez-vous."],
    notAllowed: ["L’appel ne peut pas s’ouvrir d’ici", "Rouvrez le lien reçu par message, ou appelez le numéro ci-dessous."],
  },
  doctor: {
    ready: ["La salle est prête", "Votre navigateur va vous demander d’utiliser la caméra et le micro."],
    connecting: "Connexion en cours…",
    waiting: ["L’assuré n’est pas encore là", "Vous serez prévenu de son arrivée."],
    delay: "",
    peerWaiting: ["L’assuré attend depuis {time}", "Votre caméra et votre micro ne lui parviennent qu’après l’avoir fait entrer."],
    peerAbsent: ["L’assuré n’est pas là", "Vous serez prévenu de son arrivée."],
    peerAway: "La connexion de l’assuré est coupée, elle devrait revenir.",
    admitted: ["L’assuré entre", "L’image arrive."],
    connected: "Connecté, l’image arrive…",
    live: "En appel avec l’assuré",
    poor: "La connexion est faible.",
    reconnecting: "Connexion interrompue, rétablissement en cours…",
    takeover: ["L’appel est ouvert ailleurs", "Il a été ouvert dans un autre onglet ou sur un autre appareil."],
    left: ["Vous avez quitté l’appel", "Vous pouvez revenir tant que le rendez-vous n’est pas terminé."],
    finished: ["L’appel est terminé", "Vous pouvez conclure."],
    closed: ["Le rendez-vous est terminé", "La salle est fermée."],
    failed: [
      "L’image et le son ne passent pas",
      "Appelez l’assuré par téléphone : par téléphone, seuls un problème technique, un examen sur place ou une autre heure peuvent être conclus.",
    ],
    notOpen: ["La salle n’est pas encore ouverte", "Elle ouvre un peu avant l’heure du rendez-vous."],
    notAllowed: ["La salle ne peut pas s’ouvrir d’ici", "Rechargez la page ; si cela continue, prévenez le support."],
  },
  problem: {
    refused_by_browser: ["La caméra et le micro sont refusés", "Touchez le cadenas à gauche de l’adresse, autorisez la caméra et le micro, puis réessayez."],
    refused_by_system: ["Votre appareil refuse la caméra au navigateur", "Dans les réglages de l’appareil, rubrique Confidentialité, autorisez la caméra et le micro pour ce navigateur."],
    device_busy: ["La caméra ou le micro est déjà utilisé", "Fermez l’autre application ou l’autre onglet qui l’utilise, puis réessayez."],
    no_device: ["Aucune caméra ni micro trouvés", "Branchez-les puis réessayez. Vous pouvez aussi ouvrir le lien sur votre téléphone."],
    no_camera: ["Aucune caméra : le médecin vous entendra sans vous voir", "Branchez ou autorisez une caméra, puis réessayez."],
    no_microphone: ["Aucun micro : le médecin vous verra sans vous entendre", "Branchez ou autorisez un micro, puis réessayez, ou appelez le numéro ci-dessous."],
    insecure_context: ["Cette adresse n’est pas sécurisée", "Ouvrez le lien qui commence par https://, tel qu’il est dans le message."],
    in_app_browser: ["La caméra n’est pas disponible dans cette application", "Copiez l’adresse de la page et ouvrez-la dans Safari ou Chrome. Le lien reste valable."],
    unsupported: ["Ce navigateur ne permet pas la vidéo", "Ouvrez le lien dans un navigateur récent : Chrome, Safari, Firefox ou Edge."],
    microphone_silent: ["On ne vous entend pas", "Votre micro ne capte aucun son. Vérifiez qu’il n’est pas coupé sur l’appareil ou le casque."],
    sound_blocked: ["Le son est bloqué par le navigateur", "Touchez le bouton pour entendre votre interlocuteur."],
    no_media: ["L’image et le son ne passent pas", "Réessayez, ou appelez le numéro ci-dessous."],
    other: ["La caméra ou le micro ne répond pas", "Réessayez. Si cela continue, redémarrez le navigateur ou appelez le numéro ci-dessous."],
  },
  peerProblem: {
    refused_by_browser: "Sa caméra et son micro sont refusés par son navigateur.",
    refused_by_system: "Son appareil refuse la caméra ou le micro au navigateur.",
    device_busy: "Sa caméra ou son micro est utilisé par une autre application.",
    no_device: "Ni caméra ni micro de son côté.",
    no_camera: "Pas de caméra de son côté.",
    no_microphone: "Pas de micro de son côté.",
    insecure_context: "Son adresse n’est pas sécurisée : pas de caméra.",
    in_app_browser: "Il a ouvert le lien dans une application sans caméra.",
    unsupported: "Son navigateur ne permet pas la vidéo.",
    microphone_silent: "Son micro ne capte aucun son.",
    sound_blocked: "Son navigateur bloque le son : il doit toucher un bouton.",
    no_media: "L’image et le son ne passent pas de son côté.",
    other: "Sa caméra ou son micro ne répond pas.",
  },
  refused: {
    nobody_waits: "Plus personne n’attend dans cette salle.",
    unavailable: "Le service ne répond pas : rien n’a été enregistré, réessayez.",
    not_yours: "Seul le médecin peut le faire.",
  },
};

const en: Texts = {
  microphone: "Mute",
  microphoneOff: "Unmute",
  camera: "Camera off",
  cameraOff: "Camera on",
  soundOnly: "Sound only",
  soundOnlyOff: "Picture back",
  leave: "Leave",
  finish: "End the call",
  switchCamera: "Switch camera",
  you: "You",
  remotePicture: "Picture of the other person",
  microphoneLevel: "Level of your microphone",
  phone: "A problem? Call",
  join: "Enter",
  retry: "Try again",
  retryDevices: "I have allowed it, try again",
  resume: "Resume here",
  rejoin: "Back to the call",
  playSound: "Turn the sound on",
  copyLink: "Copy this page’s address",
  copied: "Address copied",
  admit: "Let them in",
  later: "In {minutes} min",
  laterSaid: "They have been told: about {minutes} minutes.",
  peerCameraOff: "Camera off",
  peerMicrophoneOff: "Microphone off",
  socketLost: "The link to the service is cut; the call goes on.",
  insured: {
    ready: ["You can enter", "Your browser will ask to use the camera and the microphone."],
    connecting: "Connecting…",
    waiting: [
      "The doctor has been told that you are here",
      "Stay on this page: the call will start here. If your phone locks, unlock it: your place is kept.",
    ],
    delay: "The doctor is a little late: about {minutes} minutes. Thank you for waiting.",
    peerWaiting: ["You are in the waiting room", ""],
    peerAbsent: ["The doctor has stepped away", "Stay on this page; the call will resume by itself."],
    peerAway: "The doctor’s connection is cut; it should come back.",
    admitted: ["The doctor is letting you in", "The picture is coming."],
    connected: "Connected, the picture is coming…",
    live: "In a call with the doctor",
    poor: "The connection is weak. If the picture freezes, choose “Sound only”.",
    reconnecting: "Connection lost, we are restoring it…",
    takeover: ["The call is open somewhere else", "You opened it in another tab or on another device."],
    left: ["You have left the call", "You can come back until the appointment is over."],
    finished: ["The call is over", "The doctor has ended the call."],
    closed: ["The appointment is over", "There is nothing else to do here."],
    failed: [
      "Picture and sound do not get through",
      "Your network probably blocks video. Try again, or call the number below: this technical problem will not be held against you.",
    ],
    notOpen: ["It is a little early", "The call is not open yet. Come back at the hour of your appointment."],
    notAllowed: ["The call cannot be opened from here", "Open the link you received again, or call the number below."],
  },
  doctor: {
    ready: ["The room is ready", "Your browser will ask to use the camera and the microphone."],
    connecting: "Connecting…",
    waiting: ["The insured is not here yet", "You will be told when they arrive."],
    delay: "",
    peerWaiting: ["The insured has been waiting since {time}", "Your camera and microphone reach them only once you let them in."],
    peerAbsent: ["The insured is not here", "You will be told when they arrive."],
    peerAway: "The insured’s connection is cut; it should come back.",
    admitted: ["The insured is coming in", "The picture is coming."],
    connected: "Connected, the picture is coming…",
    live: "In a call with the insured",
    poor: "The connection is weak.",
    reconnecting: "Connection lost, restoring it…",
    takeover: ["The call is open somewhere else", "It was opened in another tab or on another device."],
    left: ["You have left the call", "You can come back until the appointment is over."],
    finished: ["The call is over", "You can conclude."],
    closed: ["The appointment is over", "The room is closed."],
    failed: [
      "Picture and sound do not get through",
      "Call the insured by phone: by phone only a technical problem, an examination on site or another hour can be concluded.",
    ],
    notOpen: ["The room is not open yet", "It opens shortly before the appointment."],
    notAllowed: ["The room cannot be opened from here", "Reload the page; if it goes on, tell support."],
  },
  problem: {
    refused_by_browser: ["Camera and microphone are refused", "Tap the padlock left of the address, allow camera and microphone, then try again."],
    refused_by_system: ["Your device refuses the camera to this browser", "In the device’s settings, under Privacy, allow camera and microphone for this browser."],
    device_busy: ["Camera or microphone is already in use", "Close the other application or tab that uses it, then try again."],
    no_device: ["No camera or microphone found", "Plug them in, then try again. You can also open the link on your phone."],
    no_camera: ["No camera: the doctor will hear you without seeing you", "Plug in or allow a camera, then try again."],
    no_microphone: ["No microphone: the doctor will see you without hearing you", "Plug in or allow a microphone, then try again, or call the number below."],
    insecure_context: ["This address is not secure", "Open the link that starts with https://, as it is in the message."],
    in_app_browser: ["The camera is not available in this application", "Copy this page’s address and open it in Safari or Chrome. The link stays valid."],
    unsupported: ["This browser cannot do video", "Open the link in a recent browser: Chrome, Safari, Firefox or Edge."],
    microphone_silent: ["You cannot be heard", "Your microphone picks up nothing. Check that it is not muted on the device or headset."],
    sound_blocked: ["The browser blocks the sound", "Tap the button to hear the other person."],
    no_media: ["Picture and sound do not get through", "Try again, or call the number below."],
    other: ["Camera or microphone does not answer", "Try again. If it goes on, restart the browser or call the number below."],
  },
  peerProblem: {
    refused_by_browser: "Their browser refuses camera and microphone.",
    refused_by_system: "Their device refuses camera or microphone to the browser.",
    device_busy: "Their camera or microphone is used by another application.",
    no_device: "Neither camera nor microphone on their side.",
    no_camera: "No camera on their side.",
    no_microphone: "No microphone on their side.",
    insecure_context: "Their address is not secure: no camera.",
    in_app_browser: "They opened the link in an application without a camera.",
    unsupported: "Their browser cannot do video.",
    microphone_silent: "Their microphone picks up nothing.",
    sound_blocked: "Their browser blocks the sound: they have to tap a button.",
    no_media: "Picture and sound do not get through on their side.",
    other: "Their camera or microphone does not answer.",
  },
  refused: {
    nobody_waits: "Nobody waits in this room any more.",
    unavailable: "The service does not answer: nothing was recorded, try again.",
    not_yours: "Only the doctor can do that.",
  },
};

export const TEXTS: Record<Language, Texts> = { fr, en };

/** `text` with `{name}` replaced. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
